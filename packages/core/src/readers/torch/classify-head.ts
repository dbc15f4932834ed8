import { broken } from "./broken.js";
import type { TorchModule } from "./module.js";
import type { ModuleCall } from "./module-context.js";
import type { TorchHead } from "./torch-head.js";
import { linear } from "./transformer-parts.js";

const MAX_CLASSES = 2 ** 16;

/** Whether the module is the head of a classifier of Ultralytics or of YOLOv5. */
export function isClassifyHead({ type }: TorchModule): boolean {
  const isKnown = /^ultralytics\.nn\.modules(\.head)?$/.test(type.module) || /(^|\.)models\.common$/.test(type.module);
  return type.name === "Classify" && isKnown;
}

/**
 * Reads the head of a classifier: a convolution, the mean over all cells, and a linear layer.
 * @throws bad-input; unsupported-model when it has unknown parts.
 */
export function readClassifyHead(module: TorchModule): TorchHead {
  module.expectOnly("conv", "pool", "drop", "linear");
  const pool = module.child("pool");
  if (pool.type.name !== "AdaptiveAvgPool2d" || pool.attribute("output_size") !== 1) {
    throw pool.unknown("expected torch.nn.AdaptiveAvgPool2d(1)");
  }
  const metadata = new Map([
    ["task", "classify"],
    ["head", module.type.name],
    ["channels", "3"],
  ]);
  // YOLOv5's own export gives the logits.
  const hasSoftmax = module.type.module.startsWith("ultralytics.");
  return { metadata, write: (call) => write(call, { hasSoftmax }) };
}

/** Writes the head: output "output0" `[batch, K]`, probabilities, or logits for YOLOv5. */
function write(call: ModuleCall, { hasSoftmax }: { readonly hasSoftmax: boolean }): void {
  const { inputs, writer } = call;
  const { builder } = writer;
  const map = call.call("conv", inputs.length === 1 ? inputs[0]! : call.concat(inputs));
  const pooled = call.op("GlobalAveragePool", [map.value], map.channels);
  const vector = call.op("Flatten", [pooled.value], map.channels, { axis: 1 });
  const { value, channels: classCount } = linear(call, "linear", vector);
  if (classCount < 1 || classCount > MAX_CLASSES) throw broken(`${call.module.label} has ${classCount} classes`);
  const last = hasSoftmax ? "Softmax" : "Identity";
  const name = writer.numbered(`${call.scope}/${last}`);
  builder.node(last, [value], ["output0"], hasSoftmax ? { axis: 1 } : {}, name);
  builder.output("output0", ["batch", classCount]);
}
