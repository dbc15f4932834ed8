import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { checkSingleImage } from "../../src/detector/input/check-single-image.js";
import type { InputOptions } from "../../src/detector/input/pixel-form.js";
import { prepend } from "../../src/detector/input/prepend.js";
import { createDetector } from "../../src/explain/create-detector.js";
import type { CreateDetectorOptions } from "../../src/explain/model/create-options.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import type { RgbImage } from "../../src/image/frame.js";
import { resizeRgb, resizeWithRange } from "../../src/kernels/resample.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { DataType, type Dim, type Model } from "../../src/onnx/model.js";
import { floatsOf, floatTensor } from "../../src/onnx/tensors.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { yoloGraph } from "../detector/yolo-graph.js";
import { modelOf } from "../onnx/support.js";
import { exportBytes } from "../support/exports.js";
import { noise } from "../support/noise.js";
import { rejectionOf } from "./error-of.js";

const port = createOrtPort(ort as never);
const image: RgbImage = { height: 48, width: 80, data: noise(48 * 80 * 3, 7) };
/** A network of 0..1 planes, and one with YOLOX's head. */
const plain = readModel(exportBytes("v8-batch-dynamic"));
const yolox = scaledStem(readModel(exportBytes("yolox")), 1 / 255);

type Change = (b: GraphBuilder, x: Value) => Value;

/** `model` behind something that it does to its input, which is declared anew. */
function behind(model: Model, change: Change, shape: readonly Dim[], elemType: number = DataType.FLOAT): Model {
  return prepend(model, { ...model.graph.inputs[0]!, elemType, shape }, change);
}

const toFloat = (b: GraphBuilder, x: Value): Value => b.op("Cast", [x], { to: DataType.FLOAT });
const divided = (b: GraphBuilder, x: Value): Value => b.op("Div", [x, b.float(255)]);
const planes = (b: GraphBuilder, x: Value): Value => b.op("Transpose", [x], { perm: [0, 3, 1, 2] });
const reversed = (b: GraphBuilder, x: Value): Value => {
  const [red, green, blue] = b.ops("Split", [x, b.ints([1, 1, 1])], 3, { axis: 1 });
  return b.op("Concat", [blue!, green!, red!], { axis: 1 });
};
/** The pixels before they were normalised. The graph does not show it. */
const restored =
  (mean: readonly number[], std: readonly number[]): Change =>
  (b, x) => {
    const hidden = b.op("Neg", [b.op("Neg", [x])]);
    const scaled = b.op("Mul", [hidden, b.floats([1, 3, 1, 1], std)]);
    return b.op("Add", [scaled, b.floats([1, 3, 1, 1], mean)]);
  };
const NCHW = [1, 3, 64, 64];
const NHWC = [1, 64, 64, 3];

/** Detections and two maps: one of a layer, one of the image's pixels. */
async function answers(model: Model, input: InputOptions = {}, imageSize?: readonly [number, number]) {
  const detector = await createDetector(encodeModel(model), port, { threads: 1, input });
  const options = { confidence: 0.3, ...(imageSize === undefined ? {} : { imageSize }) };
  const cam = await detector.explain(image, { ...options, method: "GradCAM" });
  const pixels = await detector.explain(image, { ...options, method: "gradient" });
  const masked = await detector.explain(image, { ...options, method: "D-RISE", samples: 6, per: "detection" });
  await detector.dispose();
  return {
    facts: detector.facts,
    letterbox: cam.letterbox,
    boxes: cam.detections.map(({ boxImage: box, confidence, classIndex }) => [
      box.x1,
      box.y1,
      box.x2,
      box.y2,
      confidence,
      classIndex,
    ]),
    maps: [cam.heatmap.data, pixels.heatmap.data, masked.heatmap.data],
  };
}

type Answers = Awaited<ReturnType<typeof answers>>;

function expectSame(found: Answers, wanted: Answers): void {
  expect(wanted.boxes.length).toBeGreaterThan(0);
  expect(found.boxes.length).toBe(wanted.boxes.length);
  found.boxes.flat().forEach((value, i) => {
    expect(value).toBeCloseTo(wanted.boxes.flat()[i]!, 3);
  });
  for (const [m, map] of wanted.maps.entries()) {
    expect(map.some((value) => value > 0)).toBe(true);
    const worst = map.reduce((most, value, i) => Math.max(most, Math.abs(value - found.maps[m]![i]!)), 0);
    expect(worst).toBeLessThan(1e-3);
  }
}

describe("the same weights behind another input", async () => {
  const wanted = await answers(plain);

  it.each<[string, Model, InputOptions, object]>([
    ["0..255", behind(plain, divided, NCHW), {}, { range: 255, rangeFrom: "graph", layout: "NCHW" }],
    ["channels last", behind(plain, planes, NHWC), {}, { range: 1, rangeFrom: "default", layout: "NHWC" }],
    ["channels last of unknown sizes", behind(plain, planes, ["n", "h", "w", "c"]), {}, { layout: "NHWC", batch: "n" }],
    [
      "bytes",
      behind(plain, (b, x) => divided(b, toFloat(b, x)), NCHW, DataType.UINT8),
      {},
      { range: 255, rangeFrom: "type" },
    ],
    [
      "bytes, channels last, of any batch",
      behind(plain, (b, x) => divided(b, toFloat(b, planes(b, x))), ["n", 64, 64, 3], DataType.UINT8),
      {},
      { range: 255, layout: "NHWC", batch: "n" },
    ],
    [
      "integers",
      behind(plain, (b, x) => divided(b, toFloat(b, x)), NCHW, DataType.INT32),
      {},
      { range: 255, rangeFrom: "type" },
    ],
    ["BGR, as the options say", behind(plain, reversed, NCHW), { channels: "bgr" }, { channels: "bgr", range: 1 }],
    [
      "normalised, as the options say",
      behind(plain, restored([0.4, 0.5, 0.6], [0.2, 0.3, 0.25]), NCHW),
      { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.25] },
      { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.25], normalisationFrom: "options", range: 1 },
    ],
    [
      "BGR in 0..255, normalised, as the options say",
      behind(plain, (b, x) => divided(b, reversed(b, restored([90, 100, 110], [50, 60, 70])(b, x))), NCHW),
      { channels: "bgr", range: 255, mean: [90, 100, 110], std: [50, 60, 70] },
      { channels: "bgr", range: 255, mean: [90, 100, 110], rangeFrom: "options" },
    ],
    [
      "BGR in 0..255, as the options say",
      behind(plain, (b, x) => b.op("Abs", [divided(b, reversed(b, b.op("Abs", [x])))]), NCHW),
      { channels: "bgr", range: 255 },
      { channels: "bgr", range: 255, rangeFrom: "options" },
    ],
  ])("gives the same boxes and maps: %s", async (_, model, input, told) => {
    // A size that is open is the network's own here.
    const open = model.graph.inputs[0]!.shape!.every((dim) => typeof dim === "string");
    const found = await answers(model, input, open ? [64, 64] : undefined);
    expect(found.facts.input).toMatchObject(told);
    expect(found.facts.inputs[0]!.shape).toEqual(model.graph.inputs[0]!.shape);
    expectSame(found, wanted);
  });

  it("adds nothing to a model that takes RGB planes in 0..1", async () => {
    const { model } = await loadModel(yolox, port, { threads: 1 });
    expect(model.graph.nodes[0]).toBe(yolox.graph.nodes[0]);
    expect(model.graph.nodes.filter(({ name }) => name.startsWith("whybox/input"))).toEqual([]);
  });
});

/** The network with its first convolution's weights scaled: what it saw of shares it then sees of bytes. */
function scaledStem(model: Model, factor: number): Model {
  const { graph } = model;
  const name = graph.nodes.find(({ opType }) => opType === "Conv")!.inputs[1]!;
  const old = graph.initializers.get(name)!;
  const scaled = floatTensor(
    name,
    old.dims,
    floatsOf(old).map((weight) => weight * factor),
  );
  return { ...model, graph: { ...graph, initializers: new Map([...graph.initializers, [name, scaled]]) } };
}

/**
 * The network with YOLOX's stem in place of its first convolution (3×3, stride 2), which computes the same: rows −1, 0, 1 around the pixel
 * 2y are the odd rows of the cell above, then the even and the odd rows of its own.
 */
function withFocus(model: Model): Model {
  const [stem] = model.graph.nodes;
  const [x, weights, bias] = stem!.inputs as [string, string, string];
  const old = floatsOf(model.graph.initializers.get(weights)!);
  const b = new GraphBuilder("focus");
  const outputs = old.length / 27;
  const folded = new Float32Array(outputs * 12 * 9);
  for (let o = 0; o < outputs; o++) {
    for (let c = 0; c < 3; c++) {
      for (let ky = 0; ky < 3; ky++) {
        for (let kx = 0; kx < 3; kx++) {
          // YOLOX joins top left, bottom left, top right, bottom right.
          const part = 2 * Number(kx !== 1) + Number(ky !== 1);
          const [cy, cx] = [ky === 0 ? 0 : 1, kx === 0 ? 0 : 1];
          folded[((o * 12 + 3 * part + c) * 3 + cy) * 3 + cx] = old[((o * 3 + c) * 3 + ky) * 3 + kx]!;
        }
      }
    }
  }
  const every = (value: Value, axis: number, start: number): Value =>
    b.op("Slice", [value, b.ints([start]), b.ints([2 ** 31]), b.ints([axis]), b.ints([2])]);
  const parts = [0, 1, 2, 3].map((part) => every(every(x, 2, part % 2), 3, part >> 1));
  const joined = b.op("Concat", parts, { axis: 1 });
  const kernel = b.floats([outputs, 12, 3, 3], folded);
  b.node("Conv", [joined, kernel, bias], stem!.outputs, { pads: [1, 1, 1, 1] }, stem!.name);
  const initializers = new Map([...model.graph.initializers, ...b.initializers]);
  return { ...model, graph: { ...model.graph, nodes: [...b.nodes, ...model.graph.nodes.slice(1)], initializers } };
}

describe("YOLOX", async () => {
  const asTrained = { range: 255, channels: "bgr", padding: "end" } as const;

  it("is known by stem and head, and fed with BGR in 0..255, grey at the end", async () => {
    const found = await answers(withFocus(yolox));
    expect(found.facts.input).toMatchObject({ ...asTrained, rangeFrom: "yolox" });
    expect(found.letterbox).toMatchObject({ padTop: 0, padLeft: 0, contentSize: [38, 64], inputSize: [64, 64] });
    expectSame(found, await answers(yolox, asTrained));
  });

  it("is fed otherwise when the options say so, each on its own", async () => {
    const { facts, letterbox } = await answers(withFocus(yolox), { range: 1, padding: "centre" });
    expect(facts.input).toMatchObject({ range: 1, channels: "bgr", padding: "centre", rangeFrom: "options" });
    expect(letterbox).toMatchObject({ padTop: 13, padLeft: 0 });
  });

  it("is not seen in a stem alone, nor in a head alone", async () => {
    const v5 = await loadModel(modelOf(yoloGraph({ size: [64, 64], stem: "focus" })), port, { threads: 1 });
    expect(v5.input).toMatchObject({ range: 1, channels: "rgb", padding: "centre", rangeFrom: "default" });
    const headOnly = await loadModel(yolox, port, { threads: 1 });
    expect(headOnly.input).toMatchObject({ range: 1, channels: "rgb", padding: "centre", rangeFrom: "default" });
  });
});

describe("options of the input", () => {
  const load = (model: Model, input: object) => loadModel(model, port, { threads: 1, input });

  it.each<[object, string]>([
    [{ range: 128 }, "The input's range is 128; expected 1 or 255."],
    [{ channels: "RGB" }, 'The input\'s channels is "RGB"; expected rgb or bgr.'],
    [{ padding: "start" }, 'The input\'s padding is "start"; expected centre or end.'],
  ])("refuse %j", async (input, message) => {
    expect(await rejectionOf(load(plain, input))).toMatchObject({ code: "usage", message });
  });

  it("refuse an unknown name with the nearest, and a value that is no object", async () => {
    const create = (input: unknown) =>
      rejectionOf(createDetector(exportBytes("v8-batch-dynamic"), port, { input: input as InputOptions }));
    const unknown = 'There is no option "input.chanels". Did you mean "channels"?';
    expect(await create({ chanels: "bgr" })).toMatchObject({ code: "usage", message: unknown });
    expect((await create("bgr")).message).toMatch(
      /^input is bgr; expected an object with range, channels, padding, fit, crop, mean, std\.$/,
    );
  });

  it("refuse 0..1 for whole numbers", async () => {
    const bytes = behind(plain, toFloat, NCHW, DataType.UINT8);
    const { code, message } = await rejectionOf(load(bytes, { range: 1 }));
    expect(code).toBe("usage");
    expect(message).toMatch(/range is set to 1, but .* "images" has integer pixels/);
  });
});

describe("a fixed batch", () => {
  const batched = readModel(exportBytes("v8-batch-2"));

  it("is brought to one where shapes begin with a multiple of it, as areas of attention do", async () => {
    const areas = behind(
      batched,
      (b, x) => {
        const parts = b.op("Mul", [b.op("Reshape", [x, b.ints([8, 48, 64])]), b.float(0)]);
        return b.op("Add", [x, b.op("Reshape", [parts, b.ints([2, 3, 64, 64])])]);
      },
      [2, 3, 64, 64],
    );
    expectSame(await answers(areas), await answers(batched));
  });

  it("is refused where the images of a batch depend on each other", async () => {
    const mixed = behind(batched, (b, x) => b.op("Sub", [x, b.op("ReduceMean", [x, b.ints([0])])]), [2, 3, 64, 64]);
    const { code, message } = await rejectionOf(loadModel(mixed, port, { threads: 1 }));
    expect(code).toBe("unsupported-model");
    expect(message).toMatch(/fixed batch of 2 images .* predictions differ by .* Export it with batch 1/);
  });

  it("is refused where it is too large to check", async () => {
    const { model, head } = await loadModel(batched, port, { threads: 1 });
    const check = checkSingleImage(batched, model, { model, head }, [2, 3, 16_384, 16_384], port);
    const { code, message } = await rejectionOf(check);
    expect(code).toBe("unsupported-model");
    expect(message).toMatch(/fixed batch of 2 images .* is too large to check/);
  });

  it("is refused where the graph does not run for one image", async () => {
    const swapped = behind(
      batched,
      (b, x) => {
        const [first, second] = b.ops("Split", [x, b.ints([1, 1])], 2, { axis: 0 });
        return b.op("Concat", [second!, first!], { axis: 0 });
      },
      [2, 3, 64, 64],
    );
    const { code, message } = await rejectionOf(loadModel(swapped, port, { threads: 1 }));
    expect(code).toBe("unsupported-model");
    expect(message).toMatch(
      /fixed batch of 2 images and cannot be converted to batch 1: .*split.* Export it with batch 1/,
    );
  });
});

describe("one fixed side", () => {
  const graph = yoloGraph();
  const withShape = (shape: readonly Dim[]): Model => modelOf({ ...graph, inputs: [{ ...graph.inputs[0]!, shape }] });

  it.each<[Dim[], [number, number]]>([
    [
      [1, 3, 64, "width"],
      [64, 128],
    ],
    [
      [1, 3, "height", 96],
      [64, 96],
    ],
  ])("is kept, and the other fits the image: %j", async (shape, inputSize) => {
    const detector = await createDetector(encodeModel(withShape(shape)), port, { threads: 1 });
    const { letterbox } = await detector.detect(image);
    expect(letterbox.inputSize).toEqual(inputSize);
    const fixed = shape.slice(2).map((side) => (typeof side === "number" ? side : "any"));
    const { code, message } = await rejectionOf(detector.detect(image, { imageSize: 32 }));
    expect(code).toBe("usage");
    expect(message).toContain(`imageSize is [32, 32], but the model's input is fixed at [${fixed.join(", ")}]`);
    await detector.dispose();
  });
});

describe("an image that is not letterboxed", () => {
  /** The image at another size, as bytes. */
  function resized([height, width]: readonly [number, number]): RgbImage {
    const data = new Float32Array(3 * height * width);
    resizeRgb(image, [height, width], { height, width, data, top: 0, left: 0 });
    const bytes = Uint8Array.from({ length: data.length }, (_, i) =>
      Math.round(255 * data[(i % 3) * height * width + Math.floor(i / 3)]!),
    );
    return { height, width, data: bytes };
  }

  async function explained(picture: RgbImage, input: InputOptions) {
    const detector = await createDetector(encodeModel(plain), port, { threads: 1, input });
    const { detections, heatmap } = await detector.explain(picture, { confidence: 0.3, method: "GradCAM" });
    await detector.dispose();
    return { detections, heatmap };
  }

  it("is stretched, and boxes and heatmap are stretched back", async () => {
    const found = await explained(image, { fit: "stretch" });
    const wanted = await explained(resized([64, 64]), {});
    expect(wanted.detections.length).toBeGreaterThan(0);
    expect(found.detections.map(({ confidence }) => confidence)).toEqual(
      wanted.detections.map(({ confidence }) => confidence),
    );
    for (const [i, { boxImage }] of found.detections.entries()) {
      const other = wanted.detections[i]!.boxImage;
      expect(boxImage.x2).toBeCloseTo((other.x2 * 80) / 64, 4);
      expect(boxImage.y2).toBeCloseTo((other.y2 * 48) / 64, 4);
    }
    const { map } = resizeWithRange({ values: wanted.heatmap }, { height: 48, width: 80 });
    expect(found.heatmap.data.every((value, i) => Math.abs(value - map.data[i]!) < 1e-6)).toBe(true);
  });

  it("is cropped, and what was cut off has no heat", async () => {
    const found = await explained(image, { fit: "crop" });
    const scaled = resized([64, 106]);
    const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => {
      const [row, rest] = [Math.floor(i / 192), i % 192];
      return scaled.data[(row * 106 + 21) * 3 + rest]!;
    });
    const wanted = await explained({ height: 64, width: 64, data }, {});
    expect(wanted.detections.length).toBeGreaterThan(0);
    expect(found.detections.map(({ confidence }) => confidence)).toEqual(
      wanted.detections.map(({ confidence }) => confidence),
    );
    for (const [i, { boxImage }] of found.detections.entries()) {
      const other = wanted.detections[i]!.boxImage;
      expect(boxImage.y1).toBeCloseTo((other.y1 * 48) / 64, 4);
      if (other.x1 > 0) expect(boxImage.x1).toBeCloseTo(((other.x1 + 21) * 80) / 106, 4);
    }
    const heat = (from: number, to: number): number =>
      found.heatmap.data.filter((_, i) => i % 80 >= from && i % 80 < to).reduce((sum, value) => sum + value, 0);
    expect(heat(0, 16) + heat(64, 80)).toBe(0);
    expect(heat(16, 64)).toBeGreaterThan(0);
  });

  it("is refused when it is too long to be cropped", async () => {
    const strip = { height: 1, width: 100_000, data: new Uint8Array(300_000) };
    await expect(explained(strip, { fit: "crop" })).rejects.toThrow(/too long to be cropped to \[64, 64\]/);
  });

  it.each<[string, InputOptions, RegExp]>([
    ["another fit", { fit: "cover" as never }, /fit is "cover"; expected letterbox, stretch or crop/],
    ["a crop of nothing", { fit: "crop", crop: 0 }, /crop is 0; expected a number above 0 and at most 1/],
    [
      "a crop that is not cropped",
      { fit: "stretch", crop: 0.5 },
      /crop is 0.5; expected none, because fit is "stretch"/,
    ],
    ["two means", { mean: [1, 2] as never }, /mean is \[1,2\]; expected three numbers/],
    ["a deviation of nothing", { std: [1, 0, 1] }, /std is \[1,0,1\]; expected numbers above 0/],
  ])("refuses %s", async (_, input, message) => {
    await expect(createDetector(encodeModel(plain), port, { threads: 1, input })).rejects.toThrow(message);
  });
});

describe("the preparation", () => {
  const facts = async (name: string, options: CreateDetectorOptions = {}) =>
    (await loadModel(readModel(exportBytes(name)), port, { threads: 1, ...options })).input;

  it("is known from the metadata of Ultralytics", async () => {
    expect(await facts("v8-wide")).toMatchObject({ fit: "letterbox", fitFrom: "metadata", mean: undefined });
    expect(await facts("rtdetr")).toMatchObject({ fit: "stretch", fitFrom: "metadata", normalisationFrom: "metadata" });
  });

  it("is assumed from the outputs of RF-DETR, and the inputs of D-FINE", async () => {
    const normalised = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], normalisationFrom: "family" };
    expect(await facts("rfdetr")).toMatchObject({ fit: "stretch", fitFrom: "family", ...normalised });
    expect(await facts("dfine-sizes")).toMatchObject({ fit: "stretch", fitFrom: "family", mean: undefined });
    expect(await facts("dfine")).toMatchObject({ fit: "letterbox", fitFrom: "default", normalisationFrom: "default" });
  });

  it("is that of a preprocessor_config.json, unless an option is given", async () => {
    const preprocessor = {
      do_resize: true,
      size: { height: 64, width: 96 },
      do_rescale: true,
      rescale_factor: 1 / 255,
    };
    const told = { fit: "stretch", fitFrom: "preprocessor", range: 1, rangeFrom: "preprocessor", size: [64, 96] };
    expect(await facts("dfine", { preprocessor })).toMatchObject(told);
    const input = { fit: "letterbox", range: 255 } as const;
    const ours = { fit: "letterbox", fitFrom: "options", range: 255, rangeFrom: "options" };
    expect(await facts("dfine", { preprocessor, input })).toMatchObject(ours);
  });
});
