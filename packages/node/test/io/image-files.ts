/** An uncompressed TIFF of 32-bit samples, floats or signed integers, with one or three channels. */
export function tiff32(width: number, values: Float32Array | Int32Array, channels: 1 | 3): Uint8Array {
  const height = values.length / channels / width;
  const isFloat = values instanceof Float32Array;
  const entries: readonly (readonly [tag: number, type: number, count: number, value: number])[] = [
    [256, 3, 1, width],
    [257, 3, 1, height],
    [258, 3, channels, channels === 1 ? 32 : 134],
    [259, 3, 1, 1],
    [262, 3, 1, channels === 1 ? 1 : 2],
    [273, 4, 1, 146],
    [277, 3, 1, channels],
    [278, 3, 1, height],
    [279, 4, 1, values.byteLength],
    [339, 3, channels, channels === 1 ? (isFloat ? 3 : 2) : 140],
  ];
  const file = new DataView(new ArrayBuffer(146 + values.byteLength));
  for (const [at, value] of [0x4949, 42].entries()) file.setUint16(2 * at, value, true);
  file.setUint32(4, 8, true);
  file.setUint16(8, entries.length, true);
  for (const [i, [tag, type, count, value]] of entries.entries()) {
    const at = 10 + 12 * i;
    file.setUint16(at, tag, true);
    file.setUint16(at + 2, type, true);
    file.setUint32(at + 4, count, true);
    file.setUint32(at + 8, value, true);
  }
  for (let c = 0; c < 3; c++) {
    file.setUint16(134 + 2 * c, 32, true);
    file.setUint16(140 + 2 * c, isFloat ? 3 : 2, true);
  }
  const bytes = new Uint8Array(file.buffer);
  bytes.set(new Uint8Array(values.buffer), 146);
  return bytes;
}

/** A BMP of 24 bits, or of 8 bits with a palette of greys. Rows are given from the top. */
export function bmp(rows: readonly (readonly (readonly [number, number, number])[])[], bits: 8 | 24 = 24): Uint8Array {
  const [height, width] = [rows.length, rows[0]!.length];
  const palette = bits === 8 ? 1024 : 0;
  const stride = Math.ceil((width * bits) / 32) * 4;
  const file = new DataView(new ArrayBuffer(54 + palette + stride * height));
  file.setUint16(0, 0x4d42, true);
  file.setUint32(2, file.byteLength, true);
  file.setUint32(10, 54 + palette, true);
  for (const [i, value] of [40, width, height].entries()) file.setInt32(14 + 4 * i, value, true);
  file.setUint16(26, 1, true);
  file.setUint16(28, bits, true);
  for (let i = 0; i < palette; i++) file.setUint8(54 + i, i % 4 === 3 ? 0 : i >> 2);
  for (const [y, row] of rows.toReversed().entries()) {
    for (const [x, [r, g, b]] of row.entries()) {
      const at = 54 + palette + y * stride + (x * bits) / 8;
      if (bits === 8) file.setUint8(at, r);
      else for (const [c, value] of [b, g, r].entries()) file.setUint8(at + c, value);
    }
  }
  return new Uint8Array(file.buffer);
}
