import * as ort from "onnxruntime-node";
import { detect } from "../../src/detector/detect.js";
import type { Detection } from "../../src/detector/detection.js";
import { findLazyHead } from "../../src/detector/heads/lazy-head.js";
import type { Layer } from "../../src/detector/layer.js";
import { type CoreDetector, createDetector } from "../../src/explain/create-detector.js";
import type { CreateDetectorOptions } from "../../src/explain/model/create-options.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import { fixedInputSize, type LoadedModel } from "../../src/explain/model/loaded-model.js";
import { resolveDetectOptions } from "../../src/explain/options/resolve-options.js";
import { fitImage } from "../../src/explain/passes/fit-image.js";
import { type ForwardResult, runForward, sceneOf } from "../../src/explain/passes/forward-pass.js";
import { inputLayer } from "../../src/explain/plan/network-layers.js";
import {
  type ForwardPlan,
  joinPlans,
  type PlanRequest,
  planTaps,
  type TapPlan,
} from "../../src/explain/plan/tap-plan.js";
import type { RgbImage } from "../../src/image/frame.js";
import { letterbox } from "../../src/image/letterbox.js";
import { encodeModel } from "../../src/onnx/encode.js";
import type { Model } from "../../src/onnx/model.js";
import { floatsOf, floatTensor } from "../../src/onnx/tensors.js";
import { readOnnx } from "../../src/readers/onnx/read-onnx.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import type { RuntimePort } from "../../src/runtime/port.js";
import { yoloGraph } from "../detector/yolo-graph.js";
import { modelOf } from "../onnx/support.js";
import { miniYolo } from "./mini-yolo.js";
import { randomSource } from "./random.js";

/** The input of the images below: a multiple of the stride, so that nothing is padded or resized. */
export const MINI_SIZE = [64, 96] as const;

/** Weights of the inner convolutions and of the prediction convolutions, by what the made-up ones are multiplied. */
const INNER = 0.7;
const HEAD = 1.5;

/**
 * A mini YOLOv5 whose activations stay near 1 and whose probabilities are neither 0 nor 1, so that everything has a gradient. `lift` is added to
 * the biases of the inner convolutions: with 0 a whole layer may be negative, and what only passes positive values is shut there.
 */
export function tameModel(lift = 0): Model {
  const { model } = miniYolo();
  const initializers = new Map(model.graph.initializers);
  for (const [name, tensor] of initializers) {
    const isHead = name.startsWith("model.24.");
    const change = (of: (value: number) => number) =>
      initializers.set(name, floatTensor(name, tensor.dims, floatsOf(tensor).map(of)));
    if (/^model\..*\.weight$/.test(name)) change((value) => (isHead ? HEAD : INNER) * value);
    else if (/^model\..*\.bias$/.test(name) && !isHead && lift !== 0) change((value) => value + lift);
  }
  return { ...model, graph: { ...model.graph, initializers } };
}

/** The same layout as an export of fixed size and batch: shapes are numbers in its Reshapes. Random weights, no biases. */
export function fixedModel(): Model {
  const graph = yoloGraph({ size: MINI_SIZE });
  const random = randomSource(17);
  const initializers = new Map(graph.initializers);
  for (const [name, tensor] of initializers) {
    const isWeight = graph.nodes.some((node) => node.opType === "Conv" && node.inputs[1] === name);
    if (!isWeight) continue;
    const [, I, H, W] = tensor.dims as [number, number, number, number];
    const scale = 3 / Math.sqrt(I * H * W);
    initializers.set(
      name,
      floatTensor(
        name,
        tensor.dims,
        floatsOf(tensor).map(() => scale * (2 * random() - 1)),
      ),
    );
  }
  return modelOf({ ...graph, initializers });
}

/** Blocks of random colours: something to see at every scale. */
export function makeImage(seed = 3, [height, width]: readonly [number, number] = MINI_SIZE): RgbImage {
  const random = randomSource(seed);
  const block = 8;
  const across = Math.ceil(width / block);
  const colours = Array.from({ length: 3 * across * Math.ceil(height / block) }, () => Math.floor(256 * random()));
  const data = new Uint8Array(3 * height * width);
  for (let i = 0; i < data.length; i++) {
    const [channel, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    data[i] = colours[3 * (Math.floor(y / block) * across + Math.floor(x / block)) + channel]!;
  }
  return { height, width, data };
}

/** The port in this process, and how often its sessions were made and run. */
export function countingPort(): RuntimePort & {
  readonly counts: { sessions: number; runs: number; images: number };
} {
  const port = createOrtPort(ort as never);
  const counts = { sessions: 0, runs: 0, images: 0 };
  return {
    ...port,
    counts,
    createSession: async (model, options) => {
      counts.sessions++;
      const session = await port.createSession(model, options);
      return {
        ...session,
        run: (feeds, outputs) => {
          counts.runs++;
          const masks = Object.entries(feeds).find(([name]) => name.includes("/masks"))?.[1];
          counts.images += (feeds.images ?? masks)?.dims[0] ?? 0;
          return session.run(feeds, outputs);
        },
        release: () => session.release(),
      };
    },
  };
}

export async function miniDetector(
  options: CreateDetectorOptions = {},
  model: Model = tameModel(),
  port: RuntimePort = countingPort(),
): Promise<CoreDetector> {
  return createDetector(encodeModel(model), port, { threads: 1, ...options });
}

/** A model, loaded, and one forward pass with what a request asks of it. */
export interface MiniPass {
  readonly loaded: LoadedModel;
  readonly plan: TapPlan;
  readonly session: ForwardPlan;
  readonly layers: readonly Layer[];
  readonly forward: ForwardResult;
  readonly detections: readonly Detection[];
  readonly port: ReturnType<typeof countingPort>;
}

export interface PassRequest extends Partial<Omit<PlanRequest, "layers">> {
  /** By YOLOv5's numbers; "input" for the image. */
  readonly layers?: readonly (number | "input")[];
  /** More layers, as they are. */
  readonly more?: (loaded: LoadedModel) => readonly Layer[];
  readonly model?: Model;
  readonly confidence?: number;
  readonly image?: RgbImage;
  /** Of the network's input. Default: MINI_SIZE. */
  readonly size?: readonly [number, number];
}

export async function openPass(request: PassRequest): Promise<MiniPass> {
  const { layers: indices = [], more, model = tameModel(), confidence = 0.25, image = makeImage() } = request;
  const { size = MINI_SIZE, ...asked } = request;
  const port = countingPort();
  const loaded = await loadModel(readOnnx(encodeModel(model)), port, { threads: 1 });
  const named = indices.map((index) => (index === "input" ? inputLayer(loaded) : loaded.layers[index]!));
  const layers = [...named, ...(more?.(loaded) ?? [])];
  const defaults = { activations: true, gradients: true, manySeeds: false, tails: false };
  const lazy = request.lazy === true ? await findLazyHead(loaded, fixedInputSize(loaded.input.sides)) : undefined;
  const plan = planTaps({ ...loaded, lazy }, { ...defaults, ...asked, layers });
  const session = joinPlans(loaded, [plan]);
  const options = resolveDetectOptions({ confidence, imageSize: size }, loaded.head.task);
  const input = fitImage(loaded, image, options);
  const forward = await runForward(loaded, {
    ...{ plan: session, letterbox: input.letterbox, pixels: letterbox(image, input.letterbox), keepsInput: true },
    signal: undefined,
  });
  return { loaded, plan, session, layers, forward, detections: detect(sceneOf(loaded, forward), options), port };
}
