import { type DifferentiationPlan, planDifferentiation } from "../../autodiff/reachability.js";
import { ruleTable } from "../../autodiff/rules/index.js";
import { stopsGradient } from "../../autodiff/stops.js";
import type { DetectorHead } from "../../detector/head.js";
import type { InputFacts } from "../../detector/input/pixel-form.js";
import type { ClassNames } from "../../detector/names.js";
import { shown } from "../../foreign-text.js";
import { dataTypeName } from "../../onnx/data-types.js";
import type { Dim, Node, Precision, ValueInfo } from "../../onnx/model.js";
import { precisionOf } from "../../onnx/precision.js";
import type { LoadedModel } from "./loaded-model.js";
import { dependentLevels } from "./reach.js";

/** Most characters of a licence. */
const MAX_LICENCE = 200;

/** A layer, and whether the score can be differentiated with respect to it. */
export interface LayerFacts {
  readonly index: number | undefined;
  readonly name: string;
  readonly value: string;
  /** Dims at `ModelFacts.inputSize`. Undefined if the model was not run. */
  readonly dims: readonly number[] | undefined;
  /** Names of the detection levels that depend on the layer. It cannot see boxes of other levels. */
  readonly levels: readonly string[];
  readonly differentiable: boolean;
  /** Why the layer is not differentiable. */
  readonly reason: string | undefined;
}

export interface PortFacts {
  readonly name: string;
  /** ONNX name of the element type. */
  readonly type: string;
  readonly shape: readonly Dim[];
}

/** An op type in the graph that has no gradient rule and does not stop the gradient. */
export interface MissingRule {
  readonly op: string;
  /** Number of nodes with this op type. */
  readonly count: number;
  /** Whether a gradient must pass through one of these nodes on its way from the predictions to the image. False for arithmetic with indices, for example. */
  readonly onPath: boolean;
}

/** Facts about a model. */
export interface ModelFacts extends ClassNames {
  readonly producer: string;
  /** Description in the file, for example "Ultralytics YOLOv8n model, version 8.4.0". Undefined if the file has none. */
  readonly description: string | undefined;
  /** Licence as the metadata of the file states it, printable and at most 200 characters of it. Nobody has checked it. Undefined if it states none. */
  readonly licenceInFile: string | undefined;
  /** Precision of the computation. */
  readonly precision: Precision;
  /** Precision of most weights in the file. A checkpoint in half precision computes in float32. */
  readonly storedPrecision: Precision;
  /** Opset as declared in the file. */
  readonly opset: number;
  readonly stride: number;
  /** Inputs as declared in the file. */
  readonly inputs: readonly PortFacts[];
  /** Outputs as declared in the file. */
  readonly outputs: readonly PortFacts[];
  /** Format of the image input in the file. Layers and gradients always refer to RGB planes in 0..1. */
  readonly input: InputFacts;
  readonly head: Pick<
    DetectorHead,
    "kind" | "task" | "output" | "source" | "hasObjectness" | "selection" | "levels" | "assumed"
  >;
  /** Input size `[h, w]` for the dims of the layers. Undefined if the model was not run. */
  readonly inputSize: readonly [number, number] | undefined;
  readonly layers: readonly LayerFacts[];
  readonly opsWithoutRule: readonly MissingRule[];
}

/** Sizes from a run: the input size `[h, w]`, and the dims of each layer's value. */
export interface RunSizes {
  readonly size: readonly [number, number];
  readonly dims: ReadonlyMap<string, readonly number[]>;
}

/** Collects the facts about a loaded model. With `sizes`, they include the dims of its layers. */
export function inspectModel(loaded: LoadedModel, sizes?: RunSizes): ModelFacts {
  const { model, head } = loaded;
  const precision = precisionOf(model.graph);
  const blockedReason = blockedReasons(loaded);
  return {
    producer: [model.producerName, model.producerVersion].filter((word) => word !== "").join(" "),
    description: descriptionOf(model.metadata),
    licenceInFile: licenceIn(model.metadata),
    precision,
    storedPrecision: model.filePrecision ?? precision,
    opset: model.fileOpset ?? model.opsets.get("") ?? 0,
    classNames: loaded.classNames,
    classNamesFrom: loaded.classNamesFrom,
    stride: loaded.stride,
    inputs: loaded.ports.inputs.map(portFacts),
    outputs: loaded.ports.outputs.map(portFacts),
    input: loaded.input,
    head: {
      kind: head.kind,
      task: head.task,
      output: head.output,
      source: head.source,
      hasObjectness: head.hasObjectness,
      selection: head.selection,
      levels: head.levels,
      ...(head.assumed === undefined ? {} : { assumed: head.assumed }),
    },
    inputSize: sizes?.size,
    layers: loaded.layers.map((layer) => {
      const reason = blockedReason(layer.value);
      const reached = [...dependentLevels(loaded, layer)].sort((a, b) => a - b);
      const levels = reached.map((level) => head.levels[level]!.name);
      return { ...layer, dims: sizes?.dims.get(layer.value), levels, differentiable: reason === undefined, reason };
    }),
    opsWithoutRule: opsWithoutRule(loaded),
  };
}

function descriptionOf(metadata: ReadonlyMap<string, string>): string | undefined {
  const [description, version] = ["description", "version"].map((key) => metadata.get(key)?.trim() || undefined);
  const said = [description, version === undefined ? undefined : `version ${version}`].filter(
    (one) => one !== undefined,
  );
  return said.length === 0 ? undefined : said.join(", ").slice(0, 200);
}

/** Exporters of Ultralytics write "license". */
function licenceIn(metadata: ReadonlyMap<string, string>): string | undefined {
  const [stated] = ["license", "licence"].flatMap((key) => metadata.get(key)?.trim() || []);
  return stated === undefined ? undefined : shown(stated, MAX_LICENCE);
}

function portFacts({ name, elemType, shape }: ValueInfo): PortFacts {
  return { name, type: dataTypeName(elemType), shape: shape ?? [] };
}

/** Returns a function that says why the score cannot be differentiated with respect to a value. It returns undefined if it can. */
function blockedReasons({ model, head, inputName, rules }: LoadedModel): (value: string) => string | undefined {
  if (head.kind === "black-box") return () => "the model gives only the boxes that it selected";
  const table = ruleTable(rules);
  const planFrom = (value: string) => planDifferentiation(model.graph, [value], [head.output], table);
  const whole = planFrom(inputName);
  return (value) =>
    // If nothing is blocked from the image on, nothing is blocked from a value on this path.
    whole.blocked.length === 0 && whole.reached.has(value) ? undefined : reasonIn(planFrom(value), value);
}

function reasonIn(plan: DifferentiationPlan, value: string): string | undefined {
  if (!plan.connected.get(value)) return "the predictions do not depend on it";
  if (plan.blocked.length === 0) return undefined;
  return plan.blocked.map(({ op, count, reason }) => `${op} ×${count}: ${reason}`).join("; ");
}

function opsWithoutRule(loaded: LoadedModel): MissingRule[] {
  const rules = ruleTable(loaded.rules);
  const missing = new Map<string, Node[]>();
  for (const node of loaded.model.graph.nodes) {
    const known =
      node.domain === "" && (rules.has(node.opType) || node.outputs.every((_, index) => stopsGradient(node, index)));
    const op = node.domain === "" ? node.opType : `${node.domain}.${node.opType}`;
    if (known) continue;
    const nodes = missing.get(op) ?? [];
    missing.set(op, nodes);
    nodes.push(node);
  }
  if (missing.size === 0) return [];
  const { output, prototypes } = loaded.head;
  const read = prototypes === undefined ? [output] : [output, prototypes];
  const path = new Set(planDifferentiation(loaded.model.graph, [loaded.inputName], read, rules).path);
  return [...missing].map(([op, nodes]) => ({ op, count: nodes.length, onPath: nodes.some((node) => path.has(node)) }));
}
