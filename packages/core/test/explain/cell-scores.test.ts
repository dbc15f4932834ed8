import { describe, expect, it } from "vitest";
import { coneCellScores } from "../../src/explain/evidence/cell-scores.js";
import { openTail } from "../../src/explain/evidence/tail.js";
import type { TailRequest } from "../../src/explain/evidence/tail-request.js";
import { readFloats } from "../../src/explain/passes/runtime-tensors.js";
import { inputLayer } from "../../src/explain/plan/network-layers.js";
import type { Tail } from "../../src/methods/method.js";
import { resolveScore } from "../../src/scores/index.js";
import { H, restoredNanodet, W } from "../readers/make-nanodet.js";
import { exportNames, typicalExports } from "../support/exports.js";
import { longUnless } from "../support/long.js";
import { fixedModel, type MiniPass, openPass, tameModel } from "../support/mini-detector.js";
import { openExport } from "../support/open-export.js";

/** Exports with necks of local ops, a decoding of fixed size, and float32. */
const WINDOWED = [
  "v5u-slim",
  "v6",
  "v8-255",
  "v8-corners",
  "v8-fixed-12",
  "v8-mean-std",
  "v8-nms",
  "v8-obb",
  "v8-pose",
  "yolox",
];

const options = { topk: 10, versus: 1 };

async function requestOf(pass: MiniPass, at: number, rows: readonly number[], score = "row"): Promise<TailRequest> {
  const { loaded, forward, plan, layers, detections } = pass;
  const name = plan.activations.get(layers[at]!.value)!;
  const { dims, data } = await readFloats(name, forward.tensors[name]!);
  const [one] = detections;
  return {
    ...{ loaded, forward, plan, options, signal: undefined, score: resolveScore(score), tail: plan.tail(layers[at]!) },
    activations: { dims: dims.slice(1), data },
    detections: rows.map((row) => ({ ...one!, row })),
  };
}

/** The first row of each level, the last one, and one between, as far as the layer feeds them. */
function rowsOf({ loaded, forward, plan, layers }: MiniPass, at: number): number[] {
  return plan.tail(layers[at]!).levels.flatMap((level) => {
    const [start, end] = loaded.head.rowRange(level, forward.letterbox.inputSize);
    return [start, Math.floor(0.4 * start + 0.6 * end), end - 1];
  });
}

const wholeRuns = async (request: TailRequest): Promise<Tail["scores"]> => (await openTail(request)).scores;

/** The scores of runs on whole maps, one for each cell. */
async function wholeScores(request: TailRequest): Promise<Float64Array> {
  const { dims, data } = request.activations;
  const cells = dims[1]! * dims[2]!;
  return (await openTail(request)).scores(cells, (cell, into) => {
    into.fill(0);
    for (let i = cell; i < data.length; i += cells) into[i] = data[i]!;
  });
}

function expectClose(found: Float64Array, expected: Float64Array): void {
  expect(found.length).toBe(expected.length);
  const largest = expected.reduce((high, one) => Math.max(high, Math.abs(one)), 1e-3);
  const worst = expected.reduce((high, one, i) => Math.max(high, Math.abs(one - found[i]!)), 0);
  expect(worst).toBeLessThanOrEqual(1e-5 * largest);
}

const everyCell = ({ activations: { dims } }: TailRequest): Uint8Array => new Uint8Array(dims[1]! * dims[2]!).fill(1);

describe("the score of each cell of a layer alone", () => {
  for (const name of exportNames) {
    const isTypical = name === "yolox" || typicalExports.includes(name);
    it(`is on windows what it is on whole maps: ${name}`, longUnless(isTypical), async () => {
      const more = ({ layers }: MiniPass["loaded"]) => layers.filter(({ index }) => index === 9 || index === 16);
      const pass = await openExport(name, { more, tails: true, gradients: false });
      for (const at of pass.layers.keys()) {
        for (const row of rowsOf(pass, at)) {
          const request = await requestOf(pass, at, [row]);
          const found = await coneCellScores(request, everyCell(request), await wholeRuns(request));
          if (WINDOWED.includes(name)) expect(found).toBeDefined();
          if (found !== undefined) expectClose(found, await wholeScores(request));
        }
      }
      await pass.loaded.sessions.dispose();
    });
  }

  it("is on windows what it is on whole maps: a NanoDet of one convolution for each level", async () => {
    const more = (loaded: MiniPass["loaded"]) => [inputLayer(loaded)];
    const pass = await openPass({ model: restoredNanodet(), size: [H, W], more, tails: true, gradients: false });
    for (const row of rowsOf(pass, 0)) {
      const request = await requestOf(pass, 0, [row]);
      const shown = everyCell(request);
      const found = await coneCellScores(request, shown, await wholeRuns(request));
      expectClose(found!, await wholeScores(request));
      expect(new Set(found).size).toBeGreaterThan(2);
    }
    await pass.loaded.sessions.dispose();
  });

  it.each([
    ["a dynamic export", { model: tameModel(), size: [192, 256] as const }],
    ["an export of fixed batch", { model: fixedModel() }],
  ])("is found on windows from SPPF's output on, at all borders and for several rows: %s", async (_, made) => {
    const pass = await openPass({ ...made, layers: [9, 13, 17, 20, 23], tails: true, gradients: false });
    for (const at of pass.layers.keys()) {
      const rows = rowsOf(pass, at);
      for (const some of [...rows.map((row) => [row]), rows.slice(0, 2)]) {
        const request = await requestOf(pass, at, some, some.length === 1 ? "row" : "row_logit");
        const found = await coneCellScores(request, everyCell(request), await wholeRuns(request));
        expectClose(found!, await wholeScores(request));
      }
    }
    await pass.loaded.sessions.dispose();
  });
});
