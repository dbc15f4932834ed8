import type { Layer } from "../../detector/layer.js";
import type { Biases, Pixels } from "../../methods/method.js";
import { nodesBetween } from "../../onnx/cut.js";
import { GraphIndex } from "../../onnx/graph.js";
import { WIDENED, widened } from "../../onnx/half.js";
import { floatsOf } from "../../onnx/tensors.js";
import type { ScoreOptions } from "../../scores/score.js";
import type { LoadedModel } from "../model/loaded-model.js";
import { readFloats, sumGradients } from "../passes/backward-run.js";
import { disposeAll, type ForwardResult, forwardOnInput } from "../passes/forward-pass.js";
import { backwardFor, backwardRun, gradientsOf } from "../passes/gradients.js";
import type { ForwardPlan, TapPlan } from "../plan/tap-plan.js";
import { type DetectionScore, scoreOf } from "../targets/scored.js";

/** The network's input as a layer. */
export function inputLayer(loaded: LoadedModel): Layer {
  return { index: undefined, name: loaded.inputName, value: loaded.inputName };
}

/** The input, and the gradient of the score at other inputs. */
export function openPixels(
  loaded: LoadedModel,
  plan: TapPlan,
  session: ForwardPlan,
  forward: ForwardResult,
  entries: readonly DetectionScore[],
  options: ScoreOptions,
  signal: AbortSignal | undefined,
): Pixels {
  const layer = inputLayer(loaded);
  const dims = [3, ...forward.letterbox.inputSize];
  return {
    input: { dims, data: forward.input },
    score: totalOf(entries),
    async gradientAt(input) {
      const there = await forwardOnInput(loaded, session, input.slice(), forward.letterbox, false, signal);
      try {
        const scored = entries.map(({ score, detection, target }) =>
          scoreOf(loaded, there, score, detection, options, target),
        );
        const request = {
          layers: [layer],
          results: scored.map((entry) => entry.result),
          levels: [...new Set(scored.flatMap((entry) => entry.levels))],
        };
        const [found] = await gradientsOf(loaded, there, plan, [request], signal);
        const gradient = found!.get(layer.value) ?? { dims, data: new Float32Array(input.length) };
        return { score: totalOf(scored), gradient };
      } finally {
        disposeAll(there.tensors);
      }
    },
  };
}

function totalOf(entries: readonly DetectionScore[]): number {
  return entries.reduce((sum, { result, score }) => sum + (result.terms[0] ?? score.missing ?? 0), 0);
}

/** A convolution with a bias, as a layer: its output. */
export interface BiasLayer extends Layer {
  readonly bias: string;
}

/** The convolutions between the input and the predictions (with `masks` the mask prototypes too) that carry a bias, in the order of execution. */
export function biasLayers(loaded: LoadedModel, masks = false): BiasLayer[] {
  const { graph } = loaded.model;
  const { levels, prototypes } = loaded.head;
  const convOutputs = levels.flatMap((level) => level.convOutputs);
  if (masks && prototypes !== undefined) convOutputs.push(prototypes);
  const behind = new GraphIndex(graph).descendants([loaded.inputName]);
  return nodesBetween(graph, new Set(), convOutputs).flatMap((node) => {
    const bias = node.opType === "Conv" || node.opType === "ConvTranspose" ? (node.inputs[2] ?? "") : "";
    if (!graph.initializers.has(bias) || !behind.has(node.outputs[0]!)) return [];
    return [{ index: undefined, name: node.name || node.outputs[0]!, value: node.outputs[0]!, bias }];
  });
}

/** Biases and gradients of all of them, from one backward pass; the gradients are read one after the other. */
export async function openBiases(
  loaded: LoadedModel,
  plan: TapPlan,
  forward: ForwardResult,
  entries: readonly DetectionScore[],
  signal: AbortSignal | undefined,
): Promise<Biases> {
  const masks = entries.some(({ score }) => score.readsMask);
  const layers = biasLayers(loaded, masks);
  const input = inputLayer(loaded);
  const dims = [3, ...forward.letterbox.inputSize];
  const levels = new Set(entries.flatMap((entry) => entry.levels));
  const backward = backwardFor(loaded, plan, [input, ...layers], levels, masks);
  const seed = sumGradients(
    entries.map((entry) => entry.result),
    forward.predictions.columns,
  );
  const gradients =
    backward === null ? new Map() : await backwardRun(loaded, forward, forward.tensors, backward, [seed], signal);
  const take = async (value: string) => {
    const tensor = gradients.get(value);
    if (tensor === undefined) return undefined;
    const { dims: full, data } = await readFloats(value, tensor);
    tensor.dispose();
    return { dims: full.slice(1), data };
  };
  const inputGradient = (await take(input.value)) ?? { dims, data: new Float32Array(forward.input.length) };
  return {
    input: { dims, data: forward.input },
    inputGradient,
    layers: (async function* () {
      for (const layer of layers) {
        const gradient = await take(layer.value);
        const stored = loaded.model.graph.initializers.get(layer.bias)!;
        const bias = floatsOf(WIDENED.has(stored.dataType) ? widened(stored) : stored);
        if (gradient !== undefined) yield { name: layer.name, bias, gradient };
      }
    })(),
  };
}
