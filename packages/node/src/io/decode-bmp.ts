import { Buffer } from "node:buffer";
import type { RgbImage } from "@whybox/core";

/** The size of a BMP, as its header declares it. */
export interface BmpSize {
  readonly width: number;
  readonly height: number;
}

/** Byte offsets in the header, and the largest palette of the format. */
const WIDTH = 18;
const HEIGHT = 22;
const COLOURS = 46;
const MAX_COLOURS = 256;

/** Reads the size. A negative height means that the rows are stored from the top. @throws when the header is cut short or its palette is too large. */
export function bmpSize(bytes: Uint8Array): BmpSize {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const colours = header.getUint32(COLOURS, true);
  // The decoder makes an object of each colour.
  if (colours > MAX_COLOURS) throw new Error(`a palette of ${colours} colours`);
  return { width: header.getUint32(WIDTH, true), height: Math.abs(header.getInt32(HEIGHT, true)) };
}

/** Decodes a BMP. Alpha is dropped. The caller checks the size first. @throws when the file is cut short or damaged. */
export async function decodeBmp(bytes: Uint8Array): Promise<RgbImage> {
  const { decode } = await import("bmp-ts");
  const { width, height, data } = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const rgb = new Uint8Array(width * height * 3);
  // Alpha, blue, green, red: its other order is wrong for palettes.
  for (let from = 0, to = 0; to < rgb.length; from += 4) {
    rgb[to++] = data[from + 3]!;
    rgb[to++] = data[from + 2]!;
    rgb[to++] = data[from + 1]!;
  }
  return { width, height, data: rgb };
}
