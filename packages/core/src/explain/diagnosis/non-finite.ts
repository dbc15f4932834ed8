import { throwIfAborted } from "../../errors.js";
import type { Size } from "../../image/frame.js";
import { allFinite } from "../../kernels/range.js";
import { buildPrefix, nodesBetween } from "../../onnx/cut.js";
import { elementType } from "../../onnx/element-type.js";
import { indexOf } from "../../onnx/graph.js";
import { WIDENED } from "../../onnx/half.js";
import { DataType } from "../../onnx/model.js";
import { openSession } from "../../runtime/sessions.js";
import type { LoadedModel } from "../model/loaded-model.js";
import { disposeAll, readFloats } from "../passes/runtime-tensors.js";

/** The node where values that are not finite first appear. */
export interface NonFiniteOrigin {
  readonly node: string;
  readonly op: string;
  readonly value: string;
}

/** Whether a type is a float type. Sessions output half and double precision as float32. */
const isFloat = (type: number): boolean => type === DataType.FLOAT || WIDENED.has(type);

/** Number of values that are checked in one run. */
const CHUNK = 24;

/**
 * The first node, in order of execution, with NaN or infinity in its output for the input `[3, H, W]`. Undefined if the forward pass is
 * finite. It runs larger and larger parts of the network, which takes seconds. Use it only for a diagnosis.
 */
export async function firstNonFinite(
  loaded: LoadedModel,
  input: Float32Array,
  { inputSize, signal }: { readonly inputSize: Size; readonly signal: AbortSignal | undefined },
): Promise<NonFiniteOrigin | undefined> {
  const { model, head, runtime } = loaded;
  const index = indexOf(model.graph);
  const varying = index.descendants([loaded.inputName]);
  const nodes = nodesBetween(model.graph, new Set(), [head.output]);
  const values = nodes.flatMap((node) =>
    node.outputs
      .filter((value) => varying.has(value) && isFloat(elementType(model.graph, value)))
      .map((value) => ({ node: node.name || value, op: node.opType, value })),
  );
  for (let start = 0; start < values.length; start += CHUNK) {
    throwIfAborted(signal);
    const chunk = values.slice(start, start + CHUNK);
    const names = chunk.map(({ value }) => value);
    const session = await openSession(runtime, buildPrefix(model, names), {});
    const tensor = await runtime.upload("float32", [1, 3, ...inputSize], input.slice());
    const outputs = await session.run({ [loaded.inputName]: tensor }, names);
    tensor.dispose();
    try {
      for (const found of chunk) {
        if (!allFinite((await readFloats(found.value, outputs[found.value]!)).data)) return found;
      }
    } finally {
      disposeAll(outputs);
      await session.release();
    }
  }
  return undefined;
}
