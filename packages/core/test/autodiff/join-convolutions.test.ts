import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinConvolutions } from "../../src/autodiff/join-convolutions.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { nodesBetween } from "../../src/onnx/cut.js";
import type { Graph } from "../../src/onnx/model.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { expectClose } from "../support/check-vjp.js";
import { runGraph } from "../support/ort.js";
import { randomSource } from "../support/random.js";
import { randomTensor } from "../support/tensors.js";

const random = randomSource(3);

interface ConvShape {
  readonly from: number;
  readonly to: number;
  readonly kernel?: number;
  readonly group?: number;
}

/** A Conv that keeps the height and width. */
function conv(b: GraphBuilder, x: Value, { from, to, kernel = 1, group = 1 }: ConvShape): Value {
  const dims = [to, from / group, kernel, kernel];
  const weight = b.floats(dims, randomTensor(dims, random).data);
  return b.op("Conv", [x, weight], { kernel_shape: [kernel, kernel], pads: Array(4).fill((kernel - 1) / 2), group });
}

function split(b: GraphBuilder, x: Value, sizes: readonly number[]): Value[] {
  return b.ops("Split", [x, b.ints(sizes)], sizes.length, { axis: 1 });
}

function slice(b: GraphBuilder, x: Value, start: number, end: number, axis = 1): Value {
  return b.op("Slice", [x, b.ints([start]), b.ints([end]), b.ints([axis])]);
}

/** A graph of g and h, each with 32 channels. `make` returns its outputs. */
function graphOf(make: (b: GraphBuilder) => readonly Value[]): Graph {
  const b = new GraphBuilder("m");
  for (const name of ["g", "h"]) b.input(name, ["n", 32, "y", "x"]);
  for (const output of make(b)) b.output(output);
  return b.graph("g");
}

const feeds: Record<string, Tensor> = {
  g: randomTensor([2, 32, 5, 4], random),
  h: randomTensor([2, 32, 5, 4], random),
};

/** Checks that the outputs stay the same. Returns the ops that are left. */
async function joinedOps(graph: Graph): Promise<string[]> {
  const outputs = graph.outputs.map((output) => output.name);
  const joined = joinConvolutions(graph, outputs, "j/");
  const after = { ...joined, nodes: nodesBetween(joined, new Set(), outputs) };
  const [expected, found] = [await runGraph(graph, feeds), await runGraph(after, feeds)];
  found.forEach(({ dims, data }, i) => {
    expect(dims).toEqual(expected[i]!.dims);
    expectClose(data, expected[i]!.data, `output ${i}`);
  });
  return after.nodes.map((node) => node.opType);
}

describe("joinConvolutions", () => {
  it("adds in the convolution", async () => {
    const sum = (b: GraphBuilder) =>
      b.op("Add", [conv(b, "g", { from: 32, to: 64 }), conv(b, "h", { from: 32, to: 64 })]);
    expect(await joinedOps(graphOf((b) => [sum(b)]))).toEqual(["Concat", "Conv"]);
  });

  it("cuts in the convolution", async () => {
    const parts = (b: GraphBuilder) => split(b, conv(b, "g", { from: 32, to: 56, kernel: 3 }), [16, 24, 16]);
    expect(await joinedOps(graphOf(parts))).toEqual(["Conv", "Conv", "Conv"]);
    const slices = (b: GraphBuilder) => {
      const g = conv(b, "g", { from: 32, to: 56 });
      return [slice(b, g, 0, 16), slice(b, g, 30, Number.MAX_SAFE_INTEGER)];
    };
    expect(await joinedOps(graphOf(slices))).toEqual(["Conv", "Conv"]);
  });

  it("does both where two convolutions read a Concat", async () => {
    const make = (b: GraphBuilder) => {
      const halves = ["g", "h"].map((x) => conv(b, x, { from: 32, to: 64 }));
      return split(b, b.op("Add", halves), [32, 32]);
    };
    expect(await joinedOps(graphOf(make))).toEqual(["Concat", "Conv", "Conv"]);
  });

  const left: Readonly<Record<string, (b: GraphBuilder) => readonly Value[]>> = {
    "a sum of convolutions with other kernels": (b) => [
      b.op("Add", [conv(b, "g", { from: 32, to: 64 }), conv(b, "h", { from: 32, to: 64, kernel: 3 })]),
    ],
    "a sum with more inputs than outputs": (b) => [
      b.op("Add", [conv(b, "g", { from: 32, to: 48 }), conv(b, "h", { from: 32, to: 48 })]),
    ],
    "a convolution and another value": (b) => [b.op("Add", [conv(b, "g", { from: 32, to: 32 }), "h"])],
    "a value added to itself": (b) => {
      const g = conv(b, "g", { from: 32, to: 64 });
      return [b.op("Add", [g, g])];
    },
    groups: (b) => [
      ...split(b, conv(b, "g", { from: 32, to: 64, group: 2 }), [32, 32]),
      b.op(
        "Add",
        ["g", "h"].map((x) => conv(b, x, { from: 32, to: 64, group: 2 })),
      ),
    ],
    "small parts": (b) => split(b, conv(b, "g", { from: 32, to: 32 }), [17, 15]),
    "parts along another axis": (b) => {
      const g = conv(b, "g", { from: 32, to: 64 });
      return [slice(b, g, 0, 16, 2), slice(b, g, 0, 16, 3)];
    },
    "a convolution that is an output itself": (b) => {
      const g = conv(b, "g", { from: 32, to: 64 });
      return [g, b.op("Add", [g, conv(b, "h", { from: 32, to: 64 })]), ...split(b, g, [32, 32])];
    },
    "a convolution that is also read as a whole": (b) => {
      const g = conv(b, "g", { from: 32, to: 64 });
      return [b.op("Neg", [g]), ...split(b, g, [32, 32])];
    },
    "a convolution with a bias": (b) => {
      const weight = b.floats([32, 32, 1, 1], randomTensor([32, 32, 1, 1], random).data);
      const bias = b.floats([32], randomTensor([32], random).data);
      return split(b, b.op("Conv", ["g", weight, bias]), [16, 16]);
    },
  };
  it.each(Object.entries(left))("leaves %s alone", async (_, make) => {
    const graph = graphOf(make);
    expect(await joinedOps(graph)).toEqual(graph.nodes.map((node) => node.opType));
  });

  it("keeps every output of random graphs", async () => {
    const counts = { before: 0, after: 0 };
    const property = fc.asyncProperty(fc.integer(), async (seed) => {
      const graph = randomGraph(seed);
      counts.before += graph.nodes.length;
      counts.after += (await joinedOps(graph)).length;
    });
    await fc.assert(property, { seed: 1, numRuns: 60 });
    expect(counts.after).not.toBe(counts.before);
  });
});

/** Convolutions, sums and cuts at random, of values with 16, 32 or 64 channels. */
function randomGraph(seed: number): Graph {
  const next = randomSource(seed);
  return graphOf((b) => {
    const channels = new Map<Value, number>([
      ["g", 32],
      ["h", 32],
    ]);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!;
    for (let i = 0; i < 12; i++) {
      const [x, size] = pick([...channels].slice(-6));
      const like = [...channels].filter(([, count]) => count === size).map(([name]) => name);
      const kind = next();
      if (kind < 0.5) {
        const to = pick([16, 32, 64]);
        channels.set(conv(b, x, { from: size, to, kernel: pick([1, 3]) }), to);
      } else if (kind < 0.75) channels.set(b.op("Add", [x, pick(like)]), size);
      else if (kind < 0.9 && size > 16) {
        for (const part of split(b, x, [size / 2, size / 2])) channels.set(part, size / 2);
      } else channels.set(slice(b, x, 0, 16), 16);
    }
    const used = new Set(b.nodes.flatMap((node) => node.inputs));
    return [...channels.keys()].filter((name) => !used.has(name));
  });
}
