import type { Precision } from "../../onnx/model.js";
import type { TorchModule } from "./module.js";
import type { TorchType } from "./storage.js";
import type { PyRecord } from "./values.js";

const FLOATS: ReadonlyMap<TorchType, Precision> = new Map([
  ["float32", "float32"],
  ["float16", "float16"],
  ["bfloat16", "bfloat16"],
  ["float64", "float64"],
]);

/** The precision of most weights in the file: training saves them in half precision. A module that occurs twice counts once. */
export function storedPrecision(network: TorchModule): Precision {
  const values = new Map<Precision, number>();
  const seen = new Set<PyRecord>([network.record]);
  const left = [network];
  for (let module = left.pop(); module !== undefined; module = left.pop()) {
    for (const { storage, count } of module.tensors()) {
      const type = FLOATS.get(storage.type);
      if (type !== undefined) values.set(type, (values.get(type) ?? 0) + count);
    }
    for (const child of module.children()) {
      if (seen.has(child.record)) continue;
      seen.add(child.record);
      left.push(child);
    }
  }
  return [...values].sort(([, a], [, b]) => b - a)[0]?.[0] ?? "float32";
}
