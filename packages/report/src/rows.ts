import { type ColumnName, columnBytes, columnNames, grids, mapBytes, type rowColumns, splitColumns } from "./format.js";

/** One row, before it is packed into columns. */
export type Row = { [name in ColumnName]: number };

export function packColumns(rows: readonly Row[]): Uint8Array {
  const buffer = new ArrayBuffer(columnBytes(rows.length));
  const columns = splitColumns(buffer, rows.length);
  for (const name of columnNames) {
    const column = columns[name] as InstanceType<(typeof rowColumns)[ColumnName]>;
    for (let i = 0; i < rows.length; i++) column[i] = rows[i]![name];
  }
  return new Uint8Array(buffer);
}

/** Step between the values of a map in the page. Fewer than 256 values take a third of the bytes and look the same. */
const STEP = 8;

/** The maps of a row: over the image, and around the box if the row has its own map. */
export interface RowMaps {
  readonly whole: Uint8Array;
  readonly box: Uint8Array | undefined;
}

/** Packs the maps of a row: over the image, then around the box. Zeros if there is no map. */
export function packMaps(map: RowMaps | undefined, around: Around): Uint8Array {
  const bytes = new Uint8Array(mapBytes);
  if (map === undefined) return bytes;
  bytes.set(map.whole);
  bytes.set(map.box ?? cutBox(map.whole, around), grids.image ** 2);
  for (let i = 0; i < mapBytes; i++) bytes[i] = Math.min(255, Math.round(bytes[i]! / STEP) * STEP);
  return bytes;
}

export interface Around {
  readonly box: readonly [number, number, number, number];
  readonly size: readonly [height: number, width: number];
}

/** The part around a box, cut out of the map of the whole image. */
function cutBox(whole: Uint8Array, { box: [x1, y1, x2, y2], size: [height, width] }: Around): Uint8Array {
  const { box: side, image: cells, context } = grids;
  const at = (low: number, high: number, step: number, limit: number) => {
    const place = (low + high) / 2 + ((step + 0.5) / side - 0.5) * (high - low) * context;
    return place < 0 || place >= limit ? -1 : Math.floor((place / limit) * cells);
  };
  return Uint8Array.from({ length: side * side }, (_, i) => {
    const [row, column] = [at(y1, y2, Math.floor(i / side), height), at(x1, x2, i % side, width)];
    return row < 0 || column < 0 ? 0 : whole[row * cells + column]!;
  });
}
