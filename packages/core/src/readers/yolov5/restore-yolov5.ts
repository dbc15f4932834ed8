import { type RecognisedModules, recogniseModules } from "../../detector/recognise-modules.js";
import { WhyboxError } from "../../errors.js";
import { floatsAttribute } from "../../onnx/attributes.js";
import { GraphBuilder } from "../../onnx/builder.js";
import { type GraphIndex, indexOf } from "../../onnx/graph.js";
import type { Model, Node } from "../../onnx/model.js";
import { floatsOf } from "../../onnx/tensors.js";
import { fixedInput, type RestoreOptions, restoredMetadata } from "../restored.js";
import { buildDetectHead } from "./detect-head.js";
import { type FoundLevel, levelConcats, readLevel } from "./read-levels.js";

/**
 * Converts a YOLOv5 (v6 and v7) model of fixed size without YOLOv5's names, as `readTfjs` returns it, to the form of the official ONNX
 * export: node and value names with module paths ("/model.17/cv3/act/Mul"), input "images" `[batch, 3, height, width]`
 * for every size that is a multiple of the largest stride, output "output0" `[batch, R, 5+K]` in input pixels, and stride and
 * class names as metadata. Module indices, depths and widths are found from the structure.
 *
 * @throws unsupported-model when the graph is not a YOLOv5 detector, with what was not found.
 * @throws usage when the number of `names` is not the number of classes.
 */
export function restoreYolov5(model: Model, options: RestoreOptions = {}): Model {
  const index = indexOf(model.graph);
  const input = fixedInput(model.graph);
  if (input === undefined) throw notYolov5("it needs one input [N, 3, h, w] of fixed size");
  const levels = findLevels(index, input.size);
  const modules = recogniseModules(index, input.name, new Set(levels.map(({ conv }) => conv.outputs[0]!)));
  expectComplete(index, modules, levels);
  const classCount = levels[0]!.columns - 5;
  const builder = new GraphBuilder("whybox");
  const renamed = writeBody(builder, model, modules, input.name);
  buildDetectHead(
    builder,
    levels.map(({ level }) => ({ ...level, feature: renamed.get(level.feature)! })),
    { classCount, module: `model.${modules.outputs.length}` },
  );
  const stride = Math.max(...levels.map(({ level }) => level.stride));
  return {
    ...model,
    metadata: restoredMetadata(stride, classCount, options),
    graph: builder.graph("main_graph"),
  };
}

function findLevels(index: GraphIndex, size: readonly [number, number]): FoundLevel[] {
  const output = index.graph.outputs[0];
  const concats = output === undefined ? [] : levelConcats(index, output.name);
  const levels = concats.map((concat) => readLevel(index, concat, size));
  const found = levels.filter((level) => level !== undefined);
  if (concats.length === 0 || found.length < concats.length) {
    throw notYolov5(`${found.length} of ${concats.length} detection levels at the output decode boxes as YOLOv5 does`);
  }
  if (new Set(found.map(({ columns }) => columns)).size > 1 || found[0]!.columns < 6) {
    throw notYolov5(`its levels have ${found.map(({ columns }) => columns).join(", ")} columns`);
  }
  return found;
}

/** Every node before the prediction convolutions must belong to a module. */
function expectComplete(index: GraphIndex, modules: RecognisedModules, levels: readonly FoundLevel[]): void {
  const features = levels.map(({ level }) => level.feature);
  const needed = index.ancestors(features);
  const strange = index.graph.nodes.find((node) => needed.has(node.outputs[0] ?? "") && !modules.nodes.has(node));
  if (strange !== undefined) {
    throw notYolov5(`after ${modules.outputs.length} modules, node "${strange.name}" (${strange.opType}) fits none`);
  }
  const lost = features.find((feature) => !modules.outputs.includes(feature));
  if (lost !== undefined) throw notYolov5(`a detection level reads "${lost}", which is no module's output`);
}

/** Writes the modules' nodes under their new names. Returns the new name of every value. */
function writeBody(
  builder: GraphBuilder,
  model: Model,
  modules: RecognisedModules,
  input: string,
): Map<string, string> {
  const { initializers } = model.graph;
  const renamed = new Map<string, string>([[input, builder.input("images", ["batch", 3, "height", "width"])]]);
  for (const node of model.graph.nodes) {
    const name = modules.nodes.get(node);
    if (name === undefined) continue;
    if (node.opType === "Resize") expectDoubling(node, model);
    const inputs = node.inputs.map((value, position) => {
      const tensor = initializers.get(value);
      if (tensor === undefined) return renamed.get(value) ?? "";
      const fresh = parameterName(name, position);
      builder.initializers.set(fresh, { ...tensor, name: fresh });
      return fresh;
    });
    const output = `${name}_output_0`;
    renamed.set(node.outputs[0]!, output);
    builder.nodes.push({ ...node, name, inputs, outputs: [output] });
  }
  return renamed;
}

/** The weights of "/model.2/cv1/conv/Conv" are "model.2.cv1.conv.weight" and ".bias". Other constants are numbered. */
function parameterName(node: string, position: number): string {
  const parts = node.slice(1).split("/");
  const op = parts.pop();
  if (op === "Conv") return `${parts.join(".")}.${position === 1 ? "weight" : "bias"}`;
  return `${parts.join(".")}.${op}.${position}`;
}

/** Resizes by scale: a size would fix the graph to one input size. */
function expectDoubling(node: Node, model: Model): void {
  const scales = model.graph.initializers.get(node.inputs[2] ?? "");
  const found = scales === undefined ? floatsAttribute(node, "scales") : [...floatsOf(scales)];
  if (found?.join() !== "1,1,2,2") {
    throw notYolov5(`node "${node.name}" resizes by [${found?.join(", ") ?? "a fixed size"}], expected [1, 1, 2, 2]`);
  }
}

function notYolov5(what: string): WhyboxError {
  return new WhyboxError(
    "unsupported-model",
    `This is not a YOLOv5 v6 or v7 detector: ${what}. Export the model to ONNX with its own tools instead.`,
    { details: { reason: what } },
  );
}
