import { defaultRules } from "../autodiff/rules/index.js";
import { findHead } from "../detector/find-head.js";
import { listLayers } from "../detector/layers.js";
import { namesCount, resolveNames, resolveStride } from "../detector/names.js";
import { WhyboxError } from "../errors.js";
import type { Model, ValueInfo } from "../onnx/model.js";
import type { RuntimePort, SessionOptions } from "../runtime/port.js";
import { SessionCache } from "../runtime/sessions.js";
import type { CreateDetectorOptions } from "./create-detector.js";
import type { LoadedModel } from "./loaded-model.js";

/**
 * Finds head, layers, names and input of a model. Nothing is run but, where its layout has to be seen, the decoding of its boxes.
 * @throws unsupported-model when there is no known detection head or no single image input; bad-input for names that do not fit.
 */
export async function loadModel(
  file: Model,
  runtime: RuntimePort,
  options: CreateDetectorOptions,
): Promise<LoadedModel> {
  const input = imageInput(file);
  const fixedSize = fixedSizeOf(input);
  const expectedClasses = options.names?.length ?? namesCount(file.metadata);
  const { model, head } = await findHead(file, runtime, { fixedSize, expectedClasses });
  const { executionProviders, threads } = options;
  const sessionOptions: SessionOptions = {
    ...(executionProviders === undefined ? {} : { executionProviders }),
    ...(threads === undefined ? {} : { threads }),
  };
  return {
    model,
    head,
    layers: listLayers(model.graph, head),
    classNames: resolveNames(model.metadata, head.classCount, options.names),
    stride: resolveStride(model.metadata, head),
    inputName: input.name,
    fixedSize,
    runtime,
    sessions: new SessionCache(runtime, sessionOptions),
    rules: options.rules ?? defaultRules,
    forwardValues: options.forwardValues,
    batches: new Map(),
  };
}

/** The one image input `[1, 3, H, W]`. @throws unsupported-model when there is another number of inputs or another layout. */
function imageInput(model: Model): ValueInfo {
  const { inputs } = model.graph;
  const described = inputs
    .map(({ name, shape }) => `${name} [${shape?.map((dim) => dim ?? "?").join(", ") ?? "?"}]`)
    .join("; ");
  const [input] = inputs;
  const shape = input?.shape;
  const fits = shape === undefined || (shape.length === 4 && (shape[1] === 3 || typeof shape[1] !== "number"));
  const batch = shape?.[0];
  if (inputs.length !== 1 || input === undefined || !fits || (typeof batch === "number" && batch !== 1)) {
    throw new WhyboxError(
      "unsupported-model",
      `The model's inputs are: ${described || "none"}. Expected one image input [1, 3, H, W] (RGB planes). Export it with batch 1 and NCHW layout.`,
      { details: { inputs: inputs.map(({ name, shape: dims }) => ({ name, shape: dims })) } },
    );
  }
  return input;
}

function fixedSizeOf({ shape }: ValueInfo): readonly [number, number] | undefined {
  const [, , height, width] = shape ?? [];
  return typeof height === "number" && typeof width === "number" ? [height, width] : undefined;
}
