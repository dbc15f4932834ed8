import { type RgbImage, WhyboxError } from "@whybox/core";

/** As `decodeImage`. */
const MAX_PIXELS = 100_000_000;
const HEAD = /^P6\s(\d{1,6})\s(\d{1,6})\s255\s/;
/** Longest head: three numbers and the mark. */
const HEAD_BYTES = 24;

/** Pictures in a stream of PPM (P6, 8 bits), one after the other. A last one that is cut off is dropped. */
export async function* ppmFrames(input: AsyncIterable<Uint8Array>): AsyncGenerator<RgbImage> {
  let head = Buffer.alloc(0);
  let image: RgbImage | undefined;
  let filled = 0;
  for await (const chunk of input) {
    let rest: Uint8Array = chunk;
    while (rest.length > 0) {
      if (image === undefined) {
        head = Buffer.concat([head, rest.subarray(0, HEAD_BYTES)]);
        const text = head.toString("latin1");
        const match = HEAD.exec(text);
        if (match === null) {
          if (head.length > HEAD_BYTES) throw new WhyboxError("bad-input", "ffmpeg gave no PPM picture.");
          rest = rest.subarray(HEAD_BYTES);
          continue;
        }
        // What of the head came with chunks before this one is not in it.
        const before = head.length - Math.min(rest.length, HEAD_BYTES);
        rest = rest.subarray(match[0].length - before);
        image = emptyImage(Number(match[2]), Number(match[1]));
        head = Buffer.alloc(0);
        filled = 0;
      }
      const part = rest.subarray(0, image.data.length - filled);
      (image.data as Uint8Array).set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
      if (filled < image.data.length) continue;
      yield image;
      image = undefined;
    }
  }
}

function emptyImage(height: number, width: number): RgbImage {
  if (!(height > 0 && width > 0 && height * width <= MAX_PIXELS)) {
    throw new WhyboxError("limit", `A frame of ${width} × ${height} pixels; the limit is ${MAX_PIXELS / 1e6} million.`);
  }
  return { height, width, data: new Uint8Array(height * width * 3) };
}
