import type { Window, WindowRead } from "../../autodiff/windows/cone-windows.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import type { KeptSession } from "../../runtime/sessions.js";
import { disposeAll, readFloats } from "../passes/runtime-tensors.js";
import type { CellTail } from "../plan/cell-tail.js";
import type { TailRequest } from "./tail-request.js";

/** A cell of the layer that is kept alone, and the index of a row that depends on it. */
export interface Pair {
  readonly cell: number;
  readonly row: number;
}

/** The row of one pair in the output of a run. */
interface PairRow {
  readonly data: Float32Array;
  readonly offset: number;
  readonly length: number;
}

interface PairRun {
  readonly session: KeptSession;
  readonly tables: Readonly<Record<string, RuntimeTensor>>;
  /** Ordered by cell. There are at most as many as cells of the level. */
  readonly chunk: readonly Pair[];
  readonly rows: readonly {
    readonly detection: { readonly row: number };
    readonly cell: readonly [y: number, x: number];
  }[];
}

export function cellsOf(pairs: readonly Pair[]): number[] {
  return [...new Set(pairs.map(({ cell }) => cell))];
}

/** The rows of the predictions for some pairs. */
export async function runPairs(request: TailRequest, cellTail: CellTail, run: PairRun): Promise<PairRow[]> {
  const { columns } = request.forward.predictions;
  const { row } = cellTail.tail;
  const feeds = await feedsOf(request, cellTail, run);
  try {
    const tables = [...cellTail.tail.tables.values()].map((name) => [name, run.tables[name]!] as const);
    const results = await run.session.run({ ...Object.fromEntries(tables), ...feeds }, [row]);
    const { data } = await readFloats(row, results[row]!);
    disposeAll(results);
    return run.chunk.map((_, m) => ({ data, offset: m * columns, length: columns }));
  } finally {
    disposeAll(feeds);
  }
}

async function feedsOf(
  { loaded, activations, forward }: TailRequest,
  { tail, facts }: CellTail,
  { chunk, rows }: PairRun,
): Promise<Record<string, RuntimeTensor>> {
  const { runtime, head } = loaded;
  const { inputs, windows } = tail;
  const [C, , width] = activations.dims as [number, number, number];
  const cells = cellsOf(chunk);
  const place = new Map(cells.map((cell, n) => [cell, n]));
  const items: ConeItems = {
    cells: cells.map((cell) => [Math.floor(cell / width), cell % width] as const),
    pairs: chunk.map(({ cell, row }) => ({ cell: place.get(cell)!, at: rows[row]!.cell })),
  };
  const area = activations.data.length / C;
  const values = Float32Array.from(
    { length: cells.length * C },
    (_, i) => activations.data[(i % C) * area + cells[Math.floor(i / C)]!]!,
  );
  const feeds: Record<string, RuntimeTensor> = {
    [inputs.cells]: await runtime.upload("float32", [cells.length, C, 1, 1], values),
  };
  const ints = async (name: string, dims: readonly number[], data: Int32Array): Promise<void> => {
    feeds[name] = await runtime.upload("int32", dims, data);
  };
  for (const [i, read] of windows.reads.entries()) {
    const map = facts.dims(read.value)!.slice(2) as [number, number];
    const [y, x] = read.window.spans;
    const count = read.window.of === "cell" ? cells.length : chunk.length;
    await ints(inputs.reads[i]!, [count, y.size, x.size], indicesOf(read, map, items));
  }
  const [levelHeight, levelWidth] = facts.dims(windows.reads.at(-1)!.value)!.slice(2) as [number, number];
  const places = Int32Array.from({ length: levelHeight * levelWidth }, (_, i) => (i < chunk.length ? i + 1 : 0));
  await ints(inputs.places, [places.length], places);
  // The rows of an anchor follow each other as the cells do. The model may compute the rows of each level separately.
  const decoded = chunk.map(({ row }, m) => {
    const { detection, cell } = rows[row]!;
    const { level } = head.originOf(detection.row, forward.letterbox.inputSize, [0, 0]);
    const start = head.levels[level]!.rows === undefined ? 0 : head.rowRange(level, forward.letterbox.inputSize)[0];
    return detection.row - start - (cell[0] * levelWidth + cell[1]) + m;
  });
  await ints(inputs.rows, [decoded.length], Int32Array.from(decoded));
  for (const [value, name] of inputs.dims) {
    const dims = BigInt64Array.from(facts.dims(value) as number[], BigInt);
    feeds[name] = await runtime.upload("int64", [dims.length], dims);
  }
  return feeds;
}

/** The items of a run, as places on the maps. */
interface ConeItems {
  readonly cells: readonly (readonly [y: number, x: number])[];
  /** `cell`: the index of its cell of the layer. `at`: the cell of the row. */
  readonly pairs: readonly { readonly cell: number; readonly at: readonly [y: number, x: number] }[];
}

/** Where the cells of a window are in the table of a value: 0 outside the map. */
function indicesOf(
  { window, source }: WindowRead,
  [height, width]: readonly [number, number],
  { cells, pairs }: ConeItems,
): Int32Array {
  const [high, wide] = window.spans.map(({ size }) => size) as [number, number];
  const count = window.of === "cell" ? cells.length : pairs.length;
  const indices = new Int32Array(count * high * wide);
  const placeOf = (item: number, of: Window["of"]): readonly [number, number] =>
    of === "row" ? pairs[item]!.at : cells[window.of === "row" ? pairs[item]!.cell : item]!;
  let to = 0;
  for (let item = 0; item < count; item++) {
    const at = placeOf(item, window.of);
    const [top, left] = window.spans.map(({ start }, axis) => start(at[axis]!)) as [number, number];
    const own = source && boxOf(source, placeOf(item, source.of));
    const from = source?.of === "cell" && window.of === "row" ? pairs[item]!.cell : item;
    for (let y = top; y < top + high; y++) {
      for (let x = left; x < left + wide; x++, to++) {
        if (y < 0 || x < 0 || y >= height || x >= width) continue;
        const isOwn = own && y >= own.top && y < own.top + own.high && x >= own.left && x < own.left + own.wide;
        indices[to] = isOwn
          ? 1 + height * width + (from * own.high + y - own.top) * own.wide + x - own.left
          : 1 + y * width + x;
      }
    }
  }
  return indices;
}

function boxOf({ spans: [y, x] }: Window, at: readonly [number, number]) {
  return { top: y.start(at[0]), left: x.start(at[1]), high: y.size, wide: x.size };
}
