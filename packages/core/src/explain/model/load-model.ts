import { defaultRules } from "../../autodiff/rules/index.js";
import { type FindHeadOptions, type FoundHead, findHead } from "../../detector/find-head.js";
import { checkSingleImage, refuseBatch } from "../../detector/input/check-single-image.js";
import { type ImageInput, imageInput, withImageShape, withoutOthers } from "../../detector/input/image-input.js";
import { inputFacts, toPlanes, toUnitRgb } from "../../detector/input/pixel-form.js";
import { readPreprocessor } from "../../detector/input/preprocessor.js";
import { type BatchShapes, singleImage } from "../../detector/input/single-image.js";
import { listLayers } from "../../detector/layers.js";
import { namesCount, resolveNames, resolveStride } from "../../detector/names.js";
import { WhyboxError } from "../../errors.js";
import type { Model } from "../../onnx/model.js";
import type { RuntimePort, SessionOptions } from "../../runtime/port.js";
import { SessionCache } from "../../runtime/sessions.js";
import type { CreateDetectorOptions } from "./create-options.js";
import { defaultInputSize, fixedInputSize, type LoadedModel } from "./loaded-model.js";
import { createReach } from "./reach.js";

/**
 * Finds the head, layers, class names and input of a model. Converts the input to RGB planes `[1, 3, H, W]` of float32 in 0..1. Does not run
 * the network, with two exceptions: the decoding of the boxes runs if its layout is not known, and a model with a fixed batch runs once.
 * @throws unsupported-model if there is no known detection head or not exactly one image input; bad-input if the number of class names is
 * wrong; usage for input options that contradict the model.
 */
export async function loadModel(
  given: Model,
  runtime: RuntimePort,
  options: CreateDetectorOptions,
): Promise<LoadedModel> {
  const file = withMetadata(given, options.metadata);
  const input = imageInput(file);
  const expectedClasses = options.names?.length ?? namesCount(file.metadata);
  const { anchors } = options;
  const { model: alone, others } = withImageShape(toPlanes(file, input), input, file.graph.inputs);
  const found = await findHeadOfOne(alone, input, runtime, { expectedClasses, anchors });
  const { model: planes, head } = withoutOthers(found, file.graph.inputs, others);
  const preprocessor = options.preprocessor === undefined ? undefined : readPreprocessor(options.preprocessor);
  const sides = found.inputSize ?? input.sides;
  const facts = inputFacts({ model: planes, head }, { ...input, sides }, options.input ?? {}, preprocessor);
  const model = toUnitRgb(planes, facts);
  const { executionProviders, threads } = options;
  const sessionOptions: SessionOptions = {
    ...(executionProviders === undefined ? {} : { executionProviders }),
    ...(threads === undefined ? {} : { threads }),
  };
  return {
    model,
    head,
    layers: listLayers(model.graph, head),
    ...resolveNames(model.metadata, head.classCount, {
      given: options.names,
      isBeside: file !== given,
      labelsFromOne: head.labelsFromOne === true,
      family: head.familyNames,
      isCounted: head.task !== "classify" && (head.kind !== "black-box" || head.labelsFromOne === true),
    }),
    stride: resolveStride(model.metadata, head),
    inputName: facts.name,
    input: facts,
    ports: { inputs: file.graph.inputs, outputs: file.graph.outputs },
    runtime,
    sessions: new SessionCache(runtime, sessionOptions),
    rules: options.rules ?? defaultRules,
    forwardValues: options.forwardValues,
    batches: new Map(),
    reach: createReach(model.graph, head),
  };
}

/** The model with metadata that came beside its file. A file with class names describes itself, and is left as it is. */
function withMetadata(file: Model, beside: CreateDetectorOptions["metadata"]): Model {
  if (beside?.names === undefined || file.metadata.has("names")) return file;
  return { ...file, metadata: new Map([...Object.entries(beside), ...file.metadata]) };
}

/** Finds the head of a model. A model with a fixed batch of several images is first converted to a batch of one. */
async function findHeadOfOne(
  planes: Model,
  { batch, sides }: ImageInput,
  runtime: RuntimePort,
  known: Pick<FindHeadOptions, "expectedClasses" | "anchors">,
): Promise<FoundHead> {
  const size = defaultInputSize(sides);
  const find = { fixedSize: fixedInputSize(sides), ...known };
  if (typeof batch !== "number" || batch === 1) return findHead(planes, runtime, find);
  const attempt = async (shapes: BatchShapes): Promise<FoundHead> => {
    const single = singleImage(planes, batch, shapes);
    const found = await findHead(single, runtime, find).catch((error: unknown) => {
      if (!isUnsupported(error)) throw error;
      throw refuseBatch(batch, `its head is not recognised (${error.message})`, error);
    });
    await checkSingleImage(planes, single, found, [batch, 3, ...size], runtime);
    return found;
  };
  return attempt("exact").catch((refusal: unknown) => {
    if (!isUnsupported(refusal)) throw refusal;
    return attempt("multiples").catch((error: unknown) => {
      throw isUnsupported(error) ? refusal : error;
    });
  });
}

function isUnsupported(error: unknown): error is WhyboxError {
  return error instanceof WhyboxError && error.code === "unsupported-model";
}
