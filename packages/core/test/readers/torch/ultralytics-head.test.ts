import { describe, expect, it } from "vitest";
import { readTorch } from "../../../src/readers/torch/read-torch.js";
import { errorOf } from "../../explain/error-of.js";
import { runOnnx } from "../run-onnx.js";
import { type ModuleParts, module, Network, tensor } from "./checkpoint-writer.js";
import * as py from "./pickle-writer.js";

type Modules = NonNullable<ModuleParts["modules"]>;

const list = (items: readonly py.PyValue[]) =>
  module("torch.nn.modules.container.ModuleList", {
    modules: Object.fromEntries(items.map((item, i) => [String(i), item])),
  });
const floats = (n: Network, dims: readonly number[], ...values: readonly number[]) =>
  tensor(n.storages.add("FloatStorage", Float32Array.from(values)), dims);

interface Change {
  readonly type?: string;
  readonly attributes?: ModuleParts["attributes"];
  readonly modules?: (n: Network) => Modules;
}

/** A head of one level on the image itself: 2 classes, stride 4, distances as they are. */
function read({ type = "Detect", attributes, modules }: Change, n = new Network(11)) {
  const head = module(`ultralytics.nn.modules.head.${type}`, {
    attributes: { nc: py.number(2), reg_max: py.number(1), stride: floats(n, [1], 4), f: py.number(-1), ...attributes },
    modules: { cv2: list([n.conv2d(3, 4)]), cv3: list([n.conv2d(3, 2)]), ...modules?.(n) },
  });
  return readTorch(n.zip(n.model([head])));
}

const image = Float32Array.from({ length: 3 * 2 * 3 }, (_, i) => ((i * 7) % 5) / 5);
const SIZE = 6;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Output0 for the image `[1, 3, 2, 3]`, and what the prediction convolutions gave: rows of 6 cells. */
async function run(change: Change, convs: readonly string[]) {
  const model = read(change);
  const names = convs.map((conv) => `/model.0/${conv}.0/Conv_output_0`);
  const all = await runOnnx(model, [1, 3, 2, 3], image, ["output0", ...names]);
  const rows = (data: Float32Array) =>
    Array.from({ length: data.length / SIZE }, (_, c) => [...data.subarray(c * SIZE, (c + 1) * SIZE)]);
  return {
    metadata: model.metadata,
    output: rows(all.get("output0")!.data),
    raw: names.map((name) => rows(all.get(name)!.data)),
  };
}

function expectColumn(
  output: readonly (readonly number[])[],
  cell: number,
  expected: readonly number[],
  first = 0,
): void {
  for (const [c, value] of expected.entries()) expect(output[first + c]![cell]).toBeCloseTo(value, 4);
}

// Cell 4 is in row 1, column 1.
const CELL = 4;
const at = (rows: readonly (readonly number[])[]) => rows.map((row) => row[CELL]!);

describe("a head of Ultralytics", () => {
  it("gives centre, size and class probabilities", async () => {
    const { output, raw, metadata } = await run({}, ["cv2", "cv3"]);
    const [[l, t, r, b], scores] = [at(raw[0]!), at(raw[1]!)];
    expect(output.length).toBe(6);
    expectColumn(output, CELL, [4 * (1.5 + (r! - l!) / 2), 4 * (1.5 + (b! - t!) / 2), 4 * (l! + r!), 4 * (t! + b!)]);
    expectColumn(output, CELL, scores.map(sigmoid), 4);
    expect(metadata.get("end2end")).toBe("False");
  });

  it("gives corners of its one-to-one branch, also where the other is gone", async () => {
    const twins = (n: Network) => ({ one2one_cv2: list([n.conv2d(3, 4)]), one2one_cv3: list([n.conv2d(3, 2)]) });
    for (const modules of [twins, (n: Network) => ({ ...twins(n), cv2: py.none, cv3: py.none })]) {
      const { output, raw, metadata } = await run({ type: "v10Detect", modules }, ["one2one_cv2", "one2one_cv3"]);
      const [l, t, r, b] = at(raw[0]!);
      expectColumn(output, CELL, [4 * (1.5 - l!), 4 * (1.5 - t!), 4 * (1.5 + r!), 4 * (1.5 + b!)]);
      expect(metadata.get("end2end")).toBe("True");
    }
    const off = await run({ modules: twins, attributes: { _end2end: py.bool(false) } }, ["cv2"]);
    expect(off.metadata.get("end2end")).toBe("False");
    const [l, , r] = at(off.raw[0]!);
    expectColumn(off.output, CELL, [4 * (1.5 + (r! - l!) / 2)]);
  });

  it("takes the mean of each distance's distribution", async () => {
    const modules = (n: Network) => {
      const dfl = module("ultralytics.nn.modules.block.DFL", {
        modules: {
          conv: module("torch.nn.modules.conv.Conv2d", { parameters: { weight: floats(n, [1, 3, 1, 1], 0, 1, 2) } }),
        },
      });
      return { cv2: list([n.conv2d(3, 12)]), dfl };
    };
    const { output, raw } = await run({ modules, attributes: { reg_max: py.number(3) } }, ["cv2"]);
    const bins = at(raw[0]!);
    const [l, , r] = [0, 1, 2, 3].map((side) => {
      const powers = bins.slice(3 * side, 3 * side + 3).map(Math.exp);
      return (powers[1]! + 2 * powers[2]!) / powers.reduce((a, b) => a + b);
    });
    expectColumn(output, CELL, [4 * (1.5 + (r! - l!) / 2)]);
    expectColumn(output, CELL, [4 * (l! + r!)], 2);
  });

  it.each<[string, boolean, (x: number, cell: number) => number]>([
    ["Pose", true, (x, cell) => 4 * (2 * x + cell)],
    ["Pose26", true, (x, cell) => 4 * (x + cell + 0.5)],
    ["Pose", false, (x, cell) => 4 * (2 * x + cell)],
  ])("%s: keypoints in pixels (visibility: %s)", async (type, visible, decode) => {
    const values = visible ? 3 : 2;
    const channels = 2 * values;
    const is26 = type === "Pose26";
    const modules = (n: Network): Modules =>
      is26
        ? { cv4: list([n.conv2d(3, 3)]), cv4_kpts: list([n.conv2d(3, channels)]) }
        : { cv4: list([n.conv2d(3, channels)]) };
    const attributes = { kpt_shape: py.tuple(py.number(2), py.number(values)) };
    const { output, raw, metadata } = await run({ type, modules, attributes }, [is26 ? "cv4_kpts" : "cv4"]);
    const points = at(raw[0]!);
    expectColumn(
      output,
      CELL,
      points.map((x, i) => (i % values === 2 ? sigmoid(x) : decode(x, 1))),
      6,
    );
    expect(metadata.get("kpt_shape")).toBe(`[2, ${values}]`);
    expect(metadata.get("task")).toBe("pose");
  });

  it.each([
    ["OBB", (x: number) => (sigmoid(x) - 0.25) * Math.PI],
    ["OBB26", (x: number) => x],
  ])("%s: the box turns about its cell", async (type, angle) => {
    const modules = (n: Network) => ({ cv4: list([n.conv2d(3, 1)]) });
    const { output, raw } = await run({ type, modules, attributes: { ne: py.number(1) } }, ["cv2", "cv4"]);
    const [[l, t, r, b], [logit]] = [at(raw[0]!), at(raw[1]!)];
    const turn = angle(logit!);
    const [x, y] = [(r! - l!) / 2, (b! - t!) / 2];
    expectColumn(output, CELL, [
      4 * (1.5 + x * Math.cos(turn) - y * Math.sin(turn)),
      4 * (1.5 + x * Math.sin(turn) + y * Math.cos(turn)),
      4 * (l! + r!),
      4 * (t! + b!),
    ]);
    expectColumn(output, CELL, [turn], 6);
  });

  const nm = { nm: py.number(2) };
  const keypoints = (...shape: readonly number[]) => ({ kpt_shape: py.tuple(...shape.map(py.number)) });
  const dfl = (weight: (n: Network) => py.PyValue) => (n: Network) => ({
    cv2: list([n.conv2d(3, 8)]),
    dfl: module("ultralytics.nn.modules.block.DFL", {
      modules: { conv: module("torch.nn.modules.conv.Conv2d", { parameters: { weight: weight(n) } }) },
    }),
  });
  it.each<[string, Change, RegExp]>([
    ["no classes", { attributes: { nc: py.number(0) } }, /"nc" .*from 1 to 65536/],
    ["too many bins", { attributes: { reg_max: py.number(257) } }, /"reg_max" .*from 1 to 256/],
    ["no stride", { attributes: { stride: py.none } }, /"stride" .*a tensor of 1 to 16 whole numbers/],
    ["two angles", { type: "OBB", attributes: { ne: py.number(2) } }, /"ne" .*from 1 to 1/],
    ["keypoints of four values", { type: "Pose", attributes: keypoints(3, 4) }, /"kpt_shape" .*2 or 3 for the values/],
    ["keypoints without number", { type: "Pose", attributes: keypoints(3) }, /"kpt_shape"/],
    ["a part of its own", { modules: () => ({ attention: list([]) }) }, /it has a part "attention" of its own/],
    [
      "other channels",
      { modules: (n) => ({ cv3: list([n.conv2d(3, 5)]) }) },
      /"model\.0\.cv3\.0" .*gives 5 channels, expected 2/,
    ],
    [
      "more levels",
      { modules: (n) => ({ cv3: list([n.conv2d(3, 2), n.conv2d(3, 2)]) }) },
      /has 2 modules for 1 levels/,
    ],
    ["fewer strides", { attributes: { f: py.list(py.number(-1), py.number(-1)) } }, /is given 2 inputs for 1 levels/],
    [
      "other bins than weights",
      { attributes: { reg_max: py.number(2) }, modules: dfl((n) => floats(n, [1, 3, 1, 1], 0, 1, 2)) },
      /"weight" .*expected a tensor \[1, 2, 1, 1\] and no bias/,
    ],
    [
      "keypoints of more levels",
      {
        type: "Pose26",
        attributes: keypoints(2, 3),
        modules: (n) => ({ cv4: list([n.conv2d(3, 3), n.conv2d(3, 3)]), cv4_kpts: list([n.conv2d(3, 6)]) }),
      },
      /"model\.0\.cv4\.1" .*has no input/,
    ],
    [
      "other prototypes than masks",
      { type: "Segment", attributes: nm, modules: (n) => ({ cv4: list([n.conv2d(3, 2)]), proto: n.conv2d(3, 3) }) },
      /has 3 masks of 2/,
    ],
    [
      "prototypes of more levels",
      {
        type: "Segment26",
        attributes: nm,
        modules: (n) => ({
          cv4: list([n.conv2d(3, 2)]),
          proto: module("ultralytics.nn.modules.block.Proto26", { modules: { feat_refine: list([n.conv2d(3, 3)]) } }),
        }),
      },
      /is given 1 inputs and refines 1/,
    ],
  ])("is refused with %s", (_, change, message) => {
    expect(errorOf(() => read(change)).message).toMatch(message);
  });
});
