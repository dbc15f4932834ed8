import { planDifferentiation } from "../../autodiff/reachability.js";
import { ruleTable } from "../../autodiff/rules/index.js";
import { stopsGradient } from "../../autodiff/stops.js";
import type { DetectorHead, DetectorTask, HeadLevel, Selection } from "../../detector/head.js";
import type { InputFacts } from "../../detector/input/pixel-form.js";
import { dataTypeName } from "../../onnx/data-types.js";
import type { Dim, Node, Precision, ValueInfo } from "../../onnx/model.js";
import { precisionOf } from "../../onnx/precision.js";
import type { LoadedModel } from "./loaded-model.js";
import { levelsBehind } from "./reach.js";

/** A layer and whether the score can be differentiated to it. */
export interface LayerFacts {
  readonly index: number | undefined;
  readonly name: string;
  readonly value: string;
  /** Dims at `ModelFacts.inputSize`; undefined when the model was not run. */
  readonly dims: readonly number[] | undefined;
  /** Names of the detection levels that depend on the layer: it is blind to boxes of the others. */
  readonly levels: readonly string[];
  readonly differentiable: boolean;
  /** Why not. */
  readonly reason: string | undefined;
}

export interface PortFacts {
  readonly name: string;
  /** ONNX's word for the element type. */
  readonly type: string;
  readonly shape: readonly Dim[];
}

/** An op type in the graph that has no gradient rule and is no constant either. */
export interface MissingRule {
  readonly op: string;
  /** How many nodes have it. */
  readonly count: number;
  /** Whether one of them lies between picture and predictions, where a gradient would have to pass: arithmetic with indices does not. */
  readonly onPath: boolean;
}

/** What is known of a model. */
export interface ModelFacts {
  readonly producer: string;
  /** What the file says that it is, as exporters write it: "Ultralytics YOLOv8n model, version 8.4.0"; undefined when it says nothing. */
  readonly description: string | undefined;
  /** What it computes in. */
  readonly precision: Precision;
  /** What most weights are in the file: a checkpoint in half precision computes in float32. */
  readonly storedPrecision: Precision;
  /** As the file declares it. */
  readonly opset: number;
  readonly classNames: readonly string[];
  readonly stride: number;
  /** As the file declares them. */
  readonly inputs: readonly PortFacts[];
  readonly outputs: readonly PortFacts[];
  /** What the picture's input was found to be; layers and gradients are those of RGB planes in 0..1 in any case. */
  readonly input: InputFacts;
  readonly head: {
    readonly kind: DetectorHead["kind"];
    readonly task: DetectorTask;
    /** The value with the predictions, in the one layout. */
    readonly output: string;
    /** Where they come from in the file, and how they are laid out there. */
    readonly source: string;
    readonly hasObjectness: boolean;
    readonly selection: Selection;
    readonly levels: readonly HeadLevel[];
  };
  /** `[h, w]` at which the dims of the layers hold; undefined when the model was not run. */
  readonly inputSize: readonly [number, number] | undefined;
  readonly layers: readonly LayerFacts[];
  readonly opsWithoutRule: readonly MissingRule[];
}

/** Sizes from a run: the input `[h, w]`, and the dims of each layer's value. */
export interface RunSizes {
  readonly size: readonly [number, number];
  readonly dims: ReadonlyMap<string, readonly number[]>;
}

/** Gathers what is known of a loaded model; with `sizes` the dims of its layers too. */
export function inspectModel(loaded: LoadedModel, sizes?: RunSizes): ModelFacts {
  const { model, head } = loaded;
  const precision = precisionOf(model.graph);
  return {
    producer: [model.producerName, model.producerVersion].filter((word) => word !== "").join(" "),
    description: descriptionOf(model.metadata),
    precision,
    storedPrecision: model.filePrecision ?? precision,
    opset: model.fileOpset ?? model.opsets.get("") ?? 0,
    classNames: loaded.classNames,
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
    },
    inputSize: sizes?.size,
    layers: loaded.layers.map((layer) => {
      const reason = whyNot(loaded, layer.value);
      const reached = [...levelsBehind(loaded, layer)].sort((a, b) => a - b);
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

function portFacts({ name, elemType, shape }: ValueInfo): PortFacts {
  return { name, type: dataTypeName(elemType), shape: shape ?? [] };
}

/** Why the score cannot be differentiated to `value`, or undefined when it can. */
function whyNot(loaded: LoadedModel, value: string): string | undefined {
  const plan = planDifferentiation(loaded.model.graph, [value], [loaded.head.output], ruleTable(loaded.rules));
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
