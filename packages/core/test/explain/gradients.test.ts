import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GradientRequest, gradientsOf } from "../../src/explain/passes/gradients.js";
import { scoreOf } from "../../src/explain/targets/detection-score.js";
import { resolveScore } from "../../src/scores/index.js";
import { fixedModel, type MiniPass, openPass, tameModel } from "../support/mini-detector.js";

const asked = { score: resolveScore("row"), options: { topk: 10 } };
const gradients = ({ loaded, forward, plan }: MiniPass, requests: readonly GradientRequest[], signal?: AbortSignal) =>
  gradientsOf(loaded, { forward, plan, requests, signal });
const most = (data: Float32Array) => data.reduce((high, value) => Math.max(high, Math.abs(value)), 0);

describe.each([
  ["a dynamic export", tameModel],
  ["an export of fixed batch", fixedModel],
] as const)("gradientsOf, %s", (_, make) => {
  let many: MiniPass;
  let one: MiniPass;
  beforeAll(async () => {
    const request = { layers: [9, 17, 20], model: make(), confidence: 0.2 };
    many = await openPass({ ...request, manySeeds: true });
    one = await openPass({ ...request, manySeeds: false });
  });
  afterAll(() => Promise.all([many.loaded.sessions.dispose(), one.loaded.sessions.dispose()]));

  const requests = ({ loaded, forward, detections, layers }: MiniPass, count: number): GradientRequest[] =>
    detections.slice(0, count).map((detection, i) => {
      const { result, levels } = scoreOf(loaded, { scene: forward, detection, ...asked });
      // Some at all layers, some at two of them: other requests, other runs.
      return { layers: i % 3 === 2 ? layers.slice(1) : layers, results: [result], levels };
    });

  it("many at once equal one by one", async () => {
    const together = await gradients(many, requests(many, 20));
    for (const [i, request] of requests(one, 20).entries()) {
      const [alone] = await gradients(one, [request]);
      const both = [...together[i]!.keys()].filter((value) => alone!.has(value));
      expect(both.length).toBeGreaterThan(0);
      for (const value of new Set([...together[i]!.keys(), ...alone!.keys()])) {
        // A layer that a run of several reads and that one seed does not reach: zeros, or no entry at all.
        const [a, b] = [together[i]!.get(value), alone!.get(value)];
        if (a === undefined || b === undefined) {
          expect(most((a ?? b)!.data)).toBe(0);
          continue;
        }
        expect(a.dims).toEqual(b.dims);
        const scale = most(b.data);
        a.data.forEach((found, at) => {
          expect(Math.abs(found - b.data[at]!)).toBeLessThanOrEqual(1e-5 * scale + 1e-9);
        });
      }
    }
  });

  it("several scores of one request are added up before", async () => {
    const [a, b] = requests(one, 2) as [GradientRequest, GradientRequest];
    const both = { layers: a.layers, results: [...a.results, ...b.results], levels: [...a.levels, ...b.levels] };
    const [first, second, sum] = [
      ...(await gradients(one, [a])),
      ...(await gradients(one, [{ ...b, layers: a.layers }])),
      ...(await gradients(one, [both])),
    ];
    for (const [value, { data }] of sum!) {
      data.forEach((found, i) => {
        const parts = (first!.get(value)?.data[i] ?? 0) + (second!.get(value)?.data[i] ?? 0);
        expect(Math.abs(found - parts)).toBeLessThan(1e-5);
      });
    }
  });

  it("has no entry for a layer that no seed reaches, and none without scores", async () => {
    const [request] = requests(one, 1);
    const [found] = await gradients(one, [{ ...request!, levels: [] }]);
    expect(found!.size).toBe(0);
    expect(await gradients(one, [])).toEqual([]);
  });
});

it("asks for six at once at most, eight on small windows", async () => {
  const pass = await openPass({ layers: [17], manySeeds: true });
  const requests = pass.detections.slice(0, 20).map((detection) => {
    const { result, levels } = scoreOf(pass.loaded, { scene: pass.forward, detection, ...asked });
    return { layers: pass.layers, results: [result], levels };
  });
  const before = pass.port.counts.runs;
  await gradients(pass, requests);
  expect(pass.port.counts.runs - before).toBe(4);
  const aborted = gradients(pass, requests, AbortSignal.abort());
  await expect(aborted).rejects.toMatchObject({ name: "WhyboxError", code: "aborted" });
  expect(pass.port.counts.runs - before).toBe(4);
  await pass.loaded.sessions.dispose();
});
