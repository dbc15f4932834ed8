import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import { planDifferentiation } from "../../src/autodiff/reachability.js";
import { defaultRules, ruleTable } from "../../src/autodiff/rules/index.js";
import type { AttributeLiteral } from "../../src/onnx/attributes.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { checkVjp, joinBackward, type VjpCase } from "../support/check-vjp.js";
import { runGraph } from "../support/ort.js";
import { randomSource } from "../support/random.js";

type Attributes = Readonly<Record<string, AttributeLiteral>>;

/** A grid whose samples lie between pixel centres, some of them outside the image (`reach` > 1). */
function gridOf(batch: number, samples: readonly [number, number], size: readonly [number, number], align: boolean) {
  const random = randomSource(23);
  const between = (length: number): number => {
    const pixel = Math.floor(random() * (length + 3)) - 2; // From two pixels before the image to one behind it.
    const position = pixel + 0.25 + 0.5 * random();
    return align ? (2 * position) / (length - 1) - 1 : (2 * position + 1) / length - 1;
  };
  const data = Array.from({ length: batch * samples[0] * samples[1] }, () => [between(size[1]), between(size[0])]);
  return { dims: [batch, ...samples, 2], data: data.flat() };
}

function check(attributes: Attributes, batch: number, rest: Partial<VjpCase> = {}): Promise<void> {
  const align = attributes.align_corners === 1;
  return checkVjp({
    build: (b, { x, grid }) => b.op("GridSample", [x!, grid!], attributes),
    inputs: { x: { dims: [batch, 3, 5, 4] }, grid: gridOf(batch, [3, 7], [5, 4], align) },
    // 0.01 of the grid is a fortieth of a pixel: differences stay between two centres.
    step: 0.01,
    ...rest,
  });
}

describe("GridSample agrees with differences", () => {
  for (const padding_mode of ["zeros", "border"]) {
    for (const align_corners of [0, 1]) {
      it.each([1, 2])(`linear, ${padding_mode}, align_corners ${align_corners}, batch %d`, (batch) =>
        check({ mode: "linear", padding_mode, align_corners }, batch),
      );
      it.each([1, 2])(`nearest, ${padding_mode}, align_corners ${align_corners}, batch %d, to X`, (batch) =>
        check({ mode: "nearest", padding_mode, align_corners }, batch, { wanted: ["x"] }),
      );
    }
  }

  it("with what ONNX takes for default", () => check({}, 1));
});

/** Slope by the coordinates of one sample of the ramp 10·row + column² (3 × 4 pixels), for a seed of 1. */
async function slopes(place: readonly [number, number], attributes: Attributes): Promise<number[]> {
  const b = new GraphBuilder("m");
  const x = b.floats(
    [1, 1, 3, 4],
    Array.from({ length: 12 }, (_, i) => 10 * Math.floor(i / 4) + (i % 4) ** 2),
  );
  b.input("grid", [1, 1, 1, 2]);
  const y = b.op("GridSample", [x, "grid"], { align_corners: 1, ...attributes });
  b.output(y);
  const graph = b.graph("slopes");
  const backward = buildBackward(graph, { taps: ["grid"], outputs: [y], manySeeds: false });
  const feeds = {
    grid: { dims: [1, 1, 1, 2], data: Float32Array.from(place) },
    [backward.seeds.get(y)!]: { dims: [1, 1, 1, 1], data: Float32Array.of(1) },
  };
  const [gradient] = await runGraph(joinBackward(graph, backward), feeds, [backward.gradients.get("grid")!]);
  return [...gradient!.data];
}

describe("where the slope of GridSample jumps, it is PyTorch's", () => {
  it("at the centre of a pixel that of the right and lower side", async () => {
    // Column 1 of 0, 1, 4, 9: 3 to the right. A unit is 2 pixels across and 1.5 down.
    expect(await slopes([-0.25, 0], { align_corners: 0 })).toEqual([6, 15]);
  });
  it("zero on and past the border that is repeated", async () => {
    expect(await slopes([-1, -1], { padding_mode: "border" })).toEqual([0, 0]);
    expect(await slopes([1, 1], { padding_mode: "border" })).toEqual([0, 0]);
    expect(await slopes([-7, 0.5], { padding_mode: "border" })).toEqual([0, expect.closeTo(10, 4)]);
  });
  it("towards zero past the last pixel when padded with zeros", async () => {
    expect(await slopes([1, 0], {})).toEqual([expect.closeTo(-(10 + 9) * 1.5, 3), expect.closeTo(10, 4)]);
    expect(await slopes([1e30, 0], {})).toEqual([0, 0]);
  });
});

it("the grid of nearest samples gets no gradient", () => {
  const b = new GraphBuilder("m");
  const y = b.op("GridSample", [b.input("x", [1, 1, 3, 4]), b.input("grid", [1, 1, 1, 2])], { mode: "nearest" });
  b.output(y);
  const backward = buildBackward(b.graph("g"), { taps: ["x", "grid"], outputs: [y], manySeeds: false });
  expect(backward.gradients.get("grid")).toBeNull();
  expect(backward.gradients.get("x")).not.toBeNull();
});

it.each<[string, Attributes, readonly (number | null)[] | undefined]>([
  ["cubic", { mode: "cubic" }, [1, 1, 3, 4]],
  ["reflection", { padding_mode: "reflection" }, [1, 1, 3, 4]],
  ["rank 5", {}, [1, 1, 3, 4, 5]],
  ["rank of its input is not known", {}, undefined],
])("GridSample is refused beforehand: %s", (why, attributes, dims) => {
  const b = new GraphBuilder("m");
  const y = b.op("GridSample", [b.input("x", dims), b.input("grid", undefined)], attributes);
  b.output(y);
  const { blocked } = planDifferentiation(b.graph("g"), ["x"], [y], ruleTable(defaultRules));
  expect(blocked).toEqual([{ op: "GridSample", count: 1, nodes: [y], reason: expect.stringContaining(why) }]);
});
