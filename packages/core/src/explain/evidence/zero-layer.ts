import { withTables } from "../../autodiff/windows/cone-tail.js";
import { throwIfAborted } from "../../errors.js";
import { disposeAll, readFloats } from "../passes/runtime-tensors.js";
import type { TailRequest, ZeroLayer, ZeroLayers } from "./tail-request.js";

/** The values after a layer of zeros. The tail runs once for each layer. */
export function zeroLayerOf(request: TailRequest, kept: ZeroLayers): Promise<ZeroLayer> {
  const { key } = request.tail;
  if (!kept.has(key)) kept.set(key, runZeros(request));
  return kept.get(key)!;
}

export async function disposeZeroLayers(kept: ZeroLayers): Promise<void> {
  const runs = await Promise.allSettled(kept.values());
  for (const run of runs) if (run.status === "fulfilled") disposeAll(run.value.tables);
  kept.clear();
}

async function runZeros({ loaded, tail, activations, forward, signal }: TailRequest): Promise<ZeroLayer> {
  const { inputSize } = forward.letterbox;
  const cones = tail.levels.flatMap((level) => tail.cells(level, inputSize) ?? []);
  const tables = new Map(cones.flatMap((cone) => [...cone.tail.tables]));
  const build = () => withTables(tail.model, tables, cones[0]!.facts);
  const session = await loaded.sessions.get(`tables\n${tail.key}\n${[...tables.keys()].join("\n")}`, build, signal);
  throwIfAborted(signal);
  const data = new Float32Array(activations.data.length);
  const zeros = await loaded.runtime.upload("float32", [1, ...activations.dims], data);
  const crossing = tail.crossing.map((name) => [name, forward.tensors[name]!] as const);
  const feeds = { ...Object.fromEntries(crossing), [tail.layer.value]: zeros };
  const results = await session.run(feeds, [...tables.values(), ...tail.outputs]).finally(() => zeros.dispose());
  const rows: ZeroLayer["rows"][number][] = [];
  for (const [i, name] of tail.outputs.entries()) {
    const isAll = name === loaded.head.output;
    const [start, end] = isAll ? [0, forward.predictions.rows] : loaded.head.rowRange(tail.levels[i]!, inputSize);
    rows.push({ start, end, data: (await readFloats(name, results[name]!)).data });
    results[name]!.dispose();
    delete results[name];
  }
  return { tables: results, rows };
}
