import type { Biases, Pixels } from "../../methods/method.js";
import { WIDENED, widened } from "../../onnx/half.js";
import { floatsOf } from "../../onnx/tensors.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import type { ScoreOptions } from "../../scores/score.js";
import type { ExplainJob } from "../job.js";
import { runBackward } from "../passes/backward-run.js";
import { type ForwardResult, runForward } from "../passes/forward-pass.js";
import { backwardFor, gradientsOf } from "../passes/gradients.js";
import { disposeAll, readFloats } from "../passes/runtime-tensors.js";
import { sumGradients } from "../passes/seeds.js";
import type { ExplainPlan } from "../plan/explain-plan.js";
import { biasLayers, inputLayer } from "../plan/network-layers.js";
import type { Progress } from "../progress.js";
import { type DetectionScore, requestOf, scoreOf } from "../targets/detection-score.js";

/** The parts of a job that this file reads. */
type BiasJob = Pick<ExplainJob, "loaded" | "signal"> & { readonly plan: Pick<ExplainPlan, "main"> };
type PixelJob = Pick<ExplainJob, "loaded" | "signal"> & {
  readonly plan: Pick<ExplainPlan, "main" | "forward">;
  readonly options: ScoreOptions;
  /** Counts the gradients that are done. Default: not counted. */
  readonly progress?: Progress;
};

/** The input, and a function that computes the gradient of the score at other inputs. */
export function openPixels(
  { loaded, plan, options, signal, progress }: PixelJob,
  forward: ForwardResult,
  entries: readonly DetectionScore[],
): Pixels {
  const { letterbox } = forward;
  const layer = inputLayer(loaded);
  const dims = [3, ...letterbox.inputSize];
  return {
    input: { dims, data: forward.input },
    score: totalOf(entries),
    async gradientAt(input) {
      const request = { plan: plan.forward, letterbox, pixels: input.slice(), keepsInput: false, signal };
      const there = await runForward(loaded, request);
      try {
        const scored = entries.map(({ score, detection, target }) =>
          scoreOf(loaded, { scene: there, score, detection, options, target }),
        );
        const requests = [requestOf([layer], scored)];
        const [found] = await gradientsOf(loaded, { forward: there, plan: plan.main, requests, signal });
        const gradient = found!.get(layer.value) ?? { dims, data: new Float32Array(input.length) };
        progress?.step();
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

/** All biases and their gradients, from one backward pass. The gradients are read one by one. */
export async function openBiases(
  { loaded, plan, signal }: BiasJob,
  forward: ForwardResult,
  entries: readonly DetectionScore[],
): Promise<Biases> {
  const masks = entries.some(({ score }) => score.readsMask);
  const layers = biasLayers(loaded, { masks });
  const input = inputLayer(loaded);
  const dims = [3, ...forward.letterbox.inputSize];
  const levels = new Set(entries.flatMap((entry) => entry.levels));
  const backward = backwardFor(loaded, plan.main, { layers: [input, ...layers], levels, masks });
  const seed = sumGradients(
    entries.map((entry) => entry.result),
    forward.predictions.columns,
  );
  const gradients: ReadonlyMap<string, RuntimeTensor> =
    backward === null ? new Map() : await runBackward(loaded, { forward, backward, seeds: [seed], signal });
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
