import type { Graph } from "../../onnx/model.js";
import { EXPORT_ADVICE, unsupported } from "./broken.js";
import { detrActivations, detrModules } from "./detr-modules.js";
import { forkBlocks } from "./fork-blocks.js";
import { isHead, readHead } from "./head.js";
import type { TorchModule } from "./module.js";
import { type ModuleBuilder, ModuleCall } from "./module-context.js";
import { type Feature, NetworkWriter } from "./network-writer.js";
import type { TorchHead } from "./torch-head.js";
import { torchModules } from "./torch-modules.js";
import { ultralyticsAttention } from "./ultralytics-attention.js";
import { ultralyticsBlocks } from "./ultralytics-blocks.js";
import { ultralyticsConvolutions } from "./ultralytics-convolutions.js";
import { yolov5Modules } from "./yolov5-modules.js";

export interface Network {
  readonly graph: Graph;
  readonly head: TorchHead;
}

/**
 * Writes a YOLO network as a graph, with the names of the official export: nodes "/model.2/cv1/conv/Conv", weights
 * "model.2.cv1.conv.weight", input "images" `[batch, 3, height, width]`, and the outputs of its head. The graph depends only
 * on the classes and attributes of the modules, not on the file's name or its yaml.
 *
 * @param maxBytes maximum size of all weights together.
 * @throws unsupported-model for unknown modules, naming the first; bad-input; limit.
 */
export function buildNetwork(model: TorchModule, maxBytes: number): Network {
  const layers = layersOf(model);
  const last = layers.at(-1)!;
  const head = readHead(last);
  const writer = new NetworkWriter(maxBytes);
  const { builder } = writer;
  expectRgb(layers[0]!);
  const image = { value: builder.input("images", ["batch", 3, "height", "width"]), channels: 3 };
  const results: Feature[] = [];
  for (const [i, layer] of layers.entries()) {
    const call = new ModuleCall(layer, sources(layer, i, image, results), `/${layer.path}`, writer, builderOf);
    if (layer === last && head !== undefined) head.write(call);
    else results.push(call.run());
  }
  if (head === undefined) {
    throw last.unknown(
      "it stands last, where YOLO models have their head, and is none of detection, masks, pose, oriented boxes or classification",
    );
  }
  return { graph: { ...builder.graph("main_graph"), valueInfo: writer.valueInfo }, head };
}

/** @throws unsupported-model for a network whose first convolution does not read three channels. */
function expectRgb(first: TorchModule): void {
  const conv = first.childOrNone("conv");
  const channels = conv?.type.name === "Conv2d" ? conv.tensorOrNone("weight")?.dims[1] : undefined;
  if (channels === undefined || channels === 3) return;
  throw unsupported(
    `The network takes images of ${channels === 1 ? "one channel" : `${channels} channels`}, and Whybox explains networks that take RGB images.`,
    "Train it on images of three channels (a grey image can be repeated three times).",
    { channels },
  );
}

/** The layers: the modules of `model.model`. Each declares where its inputs come from. */
function layersOf(model: TorchModule): TorchModule[] {
  const layers = model.childOrNone("model")?.items() ?? [];
  if (layers.length > 0 && layers.every((layer) => layer.attribute("f") !== undefined)) return layers;
  throw unsupported(
    `The PyTorch file has a network of class ${model.type.path}, which is not a YOLO model: it has no list of layers.`,
    EXPORT_ADVICE,
    { class: model.type.path },
  );
}

/** The inputs of layer `i`: `f` is the number of a layer, or a list. Negative numbers count back (-1 is the previous layer). */
function sources(layer: TorchModule, i: number, image: Feature, results: readonly Feature[]): Feature[] {
  const from = layer.attribute("f");
  const numbers = Array.isArray(from) && from.length <= 64 ? from : [from];
  return numbers.map((number) => {
    if (i === 0 && number === -1) return image;
    const at = typeof number === "number" && number < 0 ? i + number : number;
    const found = typeof at === "number" ? results[at] : undefined;
    if (found === undefined) throw layer.odd("f", `numbers of layers before ${i}`);
    return found;
  });
}

function builderOf(module: TorchModule): ModuleBuilder {
  const { type } = module;
  const known = knownModules(type.module).find((modules) => modules.has(type.name));
  if (known !== undefined) return known.get(type.name)!;
  if (isHead(module)) throw module.unknown("a head is built as the last layer only");
  throw module.unknown(
    "supported are those of YOLOv5 (v5.0 to v7.0), yolov5-face, YOLOv5-Lite, YOLOv7, and of Ultralytics' YOLO models up to YOLO26",
  );
}

const ultralytics = [ultralyticsConvolutions, ultralyticsBlocks, ultralyticsAttention, detrModules, yolov5Modules];

/** The known classes of a Python module. Empty when the Python module is unknown. */
function knownModules(path: string): readonly ReadonlyMap<string, ModuleBuilder>[] {
  // Early versions have activation classes of their own.
  if (path.startsWith("torch.nn.") || /(^|\.)utils\.activations$/.test(path)) return [torchModules, detrActivations];
  // Early releases have all modules in one file.
  if (/^ultralytics\.nn\.modules(\.(conv|block|transformer))?$/.test(path)) return ultralytics;
  if (/(^|\.)models\.common$/.test(path) && !path.startsWith("ultralytics.")) return [yolov5Modules, forkBlocks];
  return [];
}
