import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTail } from "../../src/explain/evidence/tail.js";
import type { TailRequest } from "../../src/explain/evidence/tail-request.js";
import { readFloats } from "../../src/explain/passes/runtime-tensors.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { buildPrefix } from "../../src/onnx/cut.js";
import type { Model } from "../../src/onnx/model.js";
import { resolveScore } from "../../src/scores/index.js";
import type { Score } from "../../src/scores/score.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { toHalf } from "../support/half.js";
import {
  fixedModel,
  MINI_SIZE,
  type MiniPass,
  openPass,
  type PassRequest,
  tameModel,
} from "../support/mini-detector.js";
import { runGraph } from "../support/ort.js";
import { plainScores, scoreOn } from "../support/plain-scores.js";
import { randomSource } from "../support/random.js";

const options = { topk: 10, versus: 1 };

async function activationsOf({ forward, plan, layers }: MiniPass, at = 0): Promise<Tensor> {
  const name = plan.activations.get(layers[at]!.value)!;
  const { dims, data } = await readFloats(name, forward.tensors[name]!);
  return { dims: dims.slice(1), data };
}

async function requestOf(pass: MiniPass, score: Score, at = 0, count = 3): Promise<TailRequest> {
  const { loaded, forward, plan, layers, detections } = pass;
  const activations = await activationsOf(pass, at);
  return {
    ...{ loaded, forward, plan, tail: plan.tail(layers[at]!), activations, score, options, signal: undefined },
    detections: detections.slice(0, count),
  };
}

/** The model with another value in place of what a layer gives to the rest. */
function withLayer(model: Model, value: string, change: (b: GraphBuilder, own: string) => string): Model {
  const b = new GraphBuilder("changed/");
  const changed = change(b, `${value}/own`);
  const { graph } = model;
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((input) => (input === value ? changed : input)),
    outputs: node.outputs.map((output) => (output === value ? `${value}/own` : output)),
  }));
  const at = nodes.findIndex((node) => node.outputs.includes(`${value}/own`));
  return {
    ...model,
    graph: {
      ...graph,
      nodes: [...nodes.slice(0, at + 1), ...b.nodes, ...nodes.slice(at + 1)],
      initializers: new Map([...graph.initializers, ...b.initializers]),
    },
  };
}

/** The score that the whole network gives when one channel of a layer is zero. */
async function scoreWithout(pass: MiniPass, model: Model, channel: number, channels: number, score: Score) {
  const mask = Float32Array.from({ length: channels }, (_, c) => (c === channel ? 0 : 1));
  const cut = withLayer(model, pass.layers[0]!.value, (b, own) =>
    b.op("Mul", [own, b.floats([1, channels, 1, 1], mask)]),
  );
  const { output } = pass.loaded.head;
  const images = { dims: [1, 3, ...MINI_SIZE], data: pass.forward.input };
  const [found] = await runGraph(buildPrefix(cut, [output]).graph, { images }, [output]);
  const { rows, columns } = pass.forward.predictions;
  return scoreOn(score, { rows, columns, data: found!.data }, pass.detections.slice(0, 3), options);
}

const models: Readonly<Record<string, () => Model>> = {
  "a dynamic export": tameModel,
  "an export of fixed batch": fixedModel,
};

describe.each(Object.entries(models))("of %s", (name, make) => {
  const request: PassRequest = {
    layers: [17, 9, 20, 23],
    tails: true,
    gradients: false,
    model: make(),
    confidence: 0.2,
  };
  let pass: MiniPass;
  beforeAll(async () => {
    pass = await openPass(request);
    expect(pass.detections.length).toBeGreaterThan(3);
  });
  afterAll(() => pass.loaded.sessions.dispose());

  it.each(plainScores)("$id: activations as they are give the score", async (score) => {
    const wanted = await requestOf(pass, score);
    const tail = await openTail(wanted);
    const scores = await tail.scores(5, (_, into) => into.set(wanted.activations.data));
    expect(tail.score).toBe(scoreOn(score, pass.forward.predictions, wanted.detections, options));
    for (const found of scores) expect(Math.abs(found - tail.score)).toBeLessThan(2e-5 * (1 + Math.abs(tail.score)));
  });

  it.each(["class", "row", "class_sum", "x2"])(
    "%s: a channel set to zero gives what a fresh run of a changed model gives",
    async (id) => {
      const score = resolveScore(id);
      const wanted = await requestOf(pass, score);
      const { dims, data } = wanted.activations;
      const [C, H, W] = dims as [number, number, number];
      const tail = await openTail(wanted);
      const found = await tail.scores(C, (c, into) => {
        into.set(data);
        into.fill(0, c * H * W, (c + 1) * H * W);
      });
      expect(new Set(found).size).toBeGreaterThan(1);
      for (let c = 0; c < C; c++) {
        const fresh = await scoreWithout(pass, request.model!, c, C, score);
        expect(Math.abs(found[c]! - fresh)).toBeLessThan(2e-5 * (1 + Math.abs(fresh)));
      }
    },
  );

  it.each(["class", "row", "w"])(
    "%s: channels replaced in the graph give what replaced activations give",
    async (id) => {
      for (const at of request.layers!.keys()) {
        const wanted = await requestOf(pass, resolveScore(id), at);
        const tail = await openTail(wanted);
        const { dims, data } = wanted.activations;
        const [C, H, W] = dims as [number, number, number];
        const replacements = Array.from({ length: C }, (_, c) => [0, 0.7, -3][c % 3]!);
        const plain = await tail.scores(C, (c, into) => {
          into.set(data);
          into.fill(replacements[c]!, c * H * W, (c + 1) * H * W);
        });
        const found = await tail.channelScores(replacements);
        expect(new Set(plain).size).toBeGreaterThan(C / 4);
        for (let c = 0; c < C; c++)
          expect(Math.abs(found[c]! - plain[c]!)).toBeLessThan(2e-5 * (1 + Math.abs(plain[c]!)));
      }
    },
  );

  it("channels of activations that are not finite are replaced as they are", async () => {
    const wanted = await requestOf(pass, resolveScore("row"));
    const [C, H, W] = wanted.activations.dims as [number, number, number];
    const data = wanted.activations.data.slice().fill(Number.NaN, H * W, 2 * H * W);
    const name = pass.plan.activations.get(wanted.tail.layer.value)!;
    const tensor = await pass.loaded.runtime.upload("float32", [1, C, H, W], data.slice());
    const forward = { ...wanted.forward, tensors: { ...wanted.forward.tensors, [name]: tensor } };
    const broken = await openTail({ ...wanted, forward, activations: { ...wanted.activations, data } });
    const [found, sound] = [await broken.channelScores(new Float64Array(C)), await openTail(wanted)];
    const { 1: healed } = await sound.channelScores(new Float64Array(C));
    expect(Math.abs(found[1]! - healed!)).toBeLessThan(2e-5 * (1 + Math.abs(healed!)));
  });

  it("many at once give what they give one by one", async () => {
    const wanted = await requestOf(pass, resolveScore("class_confidence"));
    const size = wanted.activations.data.length;
    const random = randomSource(2);
    const inputs = Array.from({ length: 70 }, () =>
      wanted.activations.data.map((value) => value * (0.5 + random())).slice(0, size),
    );
    const tail = await openTail(wanted);
    // Once to find out what the graph takes.
    await tail.scores(1, (_, into) => into.set(inputs[0]!));
    const before = pass.port.counts.runs;
    const together = await tail.scores(inputs.length, (i, into) => into.set(inputs[i]!));
    expect(pass.port.counts.runs - before).toBe(name === "a dynamic export" ? 2 : 70);
    for (const [i, input] of inputs.entries()) {
      const [alone] = await tail.scores(1, (_, into) => into.set(input));
      expect(Math.abs(together[i]! - alone!)).toBeLessThan(2e-5 * (1 + Math.abs(alone!)));
    }
    expect(await tail.scores(0, () => {})).toEqual(new Float64Array(0));
  });

  it("finds out once how many it can take", async () => {
    const wanted = await requestOf(pass, resolveScore("class"));
    const once = async () =>
      (await openTail(wanted)).scores(1, (_, into) => {
        into.set(wanted.activations.data);
      });
    await once();
    const { runs, sessions } = pass.port.counts;
    await once();
    expect(pass.port.counts).toMatchObject({ runs: runs + 1, sessions });
  });
});

describe("the tail", () => {
  it("of a layer that feeds some levels leaves the rows of the others as they were", async () => {
    const pass = await openPass({ layers: [20, 23], tails: true, gradients: false });
    for (const at of [0, 1]) {
      const score = resolveScore("class_sum");
      const wanted = await requestOf(pass, score, at, 9);
      expect(wanted.tail.levels).toEqual(at === 0 ? [1, 2] : [2]);
      const [found] = await (await openTail(wanted)).scores(1, (_, into) => into.set(wanted.activations.data));
      const { predictions } = pass.forward;
      expect(found).toBeCloseTo(scoreOn(score, predictions, wanted.detections, options), 3);
    }
    await pass.loaded.sessions.dispose();
  });

  it("of a model in half precision takes replaced channels too", async () => {
    const model = tameModel();
    const half = { ...model, graph: toHalf(model.graph) };
    const pass = await openPass({ layers: [17, 23], tails: true, gradients: false, model: half, confidence: 0.2 });
    for (const at of [0, 1]) {
      const wanted = await requestOf(pass, resolveScore("row"), at);
      const [C, H, W] = wanted.activations.dims as [number, number, number];
      const tail = await openTail(wanted);
      const plain = await tail.scores(C, (c, into) => {
        into.set(wanted.activations.data);
        into.fill(0.5, c * H * W, (c + 1) * H * W);
      });
      const found = await tail.channelScores(new Float64Array(C).fill(0.5));
      expect(new Set(plain).size).toBeGreaterThan(1);
      for (let c = 0; c < C; c++) expect(Math.abs(found[c]! - plain[c]!)).toBeLessThan(1e-6);
    }
    await pass.loaded.sessions.dispose();
  });

  it("stops between batches when aborted", async () => {
    const pass = await openPass({ layers: [17], tails: true, gradients: false, model: fixedModel(), confidence: 0.2 });
    const controller = new AbortController();
    const wanted = { ...(await requestOf(pass, resolveScore("class"))), signal: controller.signal };
    const tail = await openTail(wanted);
    const filled: number[] = [];
    const run = tail.scores(20, (i, into) => {
      filled.push(i);
      into.set(wanted.activations.data);
      if (i === 3) controller.abort();
    });
    await expect(run).rejects.toMatchObject({ name: "WhyboxError", code: "aborted" });
    expect(filled).toEqual([0, 1, 2, 3]);
    await pass.loaded.sessions.dispose();
  });
});
