import { type RgbImage, WhyboxError } from "@whybox/core";

/** The same limit as in `decodeImage`. */
const MAX_PIXELS = 100_000_000;
const HEAD = /^P6\s(\d{1,6})\s(\d{1,6})\s255\s/;
/** Maximum length of a header: the magic number and three numbers. */
const HEAD_BYTES = 24;

/** Yields the images of a PPM stream (P6, 8 bits). An incomplete last image is dropped. */
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
          if (head.length > HEAD_BYTES) throw new WhyboxError("bad-input", "The output of ffmpeg is not a PPM image.");
          rest = rest.subarray(HEAD_BYTES);
          continue;
        }
        // The part of the header from earlier chunks is not in this chunk.
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
    throw new WhyboxError(
      "limit",
      `A frame has ${width} × ${height} pixels; the limit is ${MAX_PIXELS / 1e6} million pixels.`,
    );
  }
  return { height, width, data: new Uint8Array(height * width * 3) };
}
