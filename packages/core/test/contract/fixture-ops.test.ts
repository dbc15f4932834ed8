import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import { floatTwin } from "../../src/autodiff/float-twin.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import { decodeModel } from "../../src/onnx/decode.js";
import type { Graph } from "../../src/onnx/model.js";
import { subgraphsOf } from "../../src/onnx/subgraphs.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { exportBytes, exportNames } from "../support/exports.js";

const root = new URL("../../../../", import.meta.url);
const page = readFileSync(new URL("docs/ops.md", root), "utf8");
/** Op → what docs/ops.md says of its gradient, and what there is to know. */
const rows = new Map(
  [...page.matchAll(/^\| (\w+) \| [^|]* \| ([^|]*) \| ([^|]*) \|$/gm)].map(([, op, gradient, note]) => [
    op!,
    { gradient: gradient!.trim(), note: note!.trim() },
  ]),
);

const port = createOrtPort(ort as never);
const torch = new URL("fixtures/torch/", root);
const checkpoints = readdirSync(torch).filter((file) => /\.pt(\.gz)?$/.test(file));
const files = new Map<string, () => Uint8Array>([
  ...exportNames.map((name) => [name, () => exportBytes(name)] as const),
  ...checkpoints.map((file) => {
    const read = () => readFileSync(new URL(file, torch));
    return [file, file.endsWith(".gz") ? () => gunzipSync(read()) : read] as const;
  }),
]);

function opsOf(graph: Graph): Set<string> {
  const inner = graph.nodes.flatMap((node) => subgraphsOf(node)).flatMap((subgraph) => [...opsOf(subgraph)]);
  return new Set([...graph.nodes.filter(({ domain }) => domain === "").map(({ opType }) => opType), ...inner]);
}

describe("docs/ops.md", () => {
  it.each(exportNames)("says of every op in %s that a gradient passes, or why none does", (name) => {
    const ops = [...opsOf(decodeModel(exportBytes(name)).graph)];
    expect(ops.length).toBeGreaterThan(5);
    const isSaid = (op: string): boolean => {
      const { gradient = "", note = "" } = rows.get(op) ?? {};
      return /^(yes|partly|stop|becomes )/.test(gradient) || (gradient === "no" && note !== "");
    };
    const open = ops.filter((op) => !isSaid(op));
    expect(open).toEqual([]);
  });
});

it.each([...files])("%s: every op from any layer to the predictions has a rule", async (name, read) => {
  const { model, head, layers, sessions } = await loadModel(readModel(read()), port, { threads: 1 });
  const taps = layers.map(({ value }) => value);
  const outputs = [head.output, ...(head.prototypes === undefined ? [] : [head.prototypes])];
  // A vision transformer has tokens, and only its projector has maps.
  expect(taps.length).toBeGreaterThan(name === "rfdetr" ? 0 : 3);
  // Ops without a rule are refused, all of them by name.
  const { gradients } = buildBackward(floatTwin(model.graph), { taps, outputs, manySeeds: false });
  expect([...gradients].filter(([, gradient]) => gradient === null)).toEqual([]);
  await sessions.dispose();
});
