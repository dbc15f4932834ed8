import * as ort from "onnxruntime-node";
import { expect, it } from "vitest";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { decodeModel } from "../../src/onnx/decode.js";
import { encodeModel } from "../../src/onnx/encode.js";
import type { Model } from "../../src/onnx/model.js";
import { withWeightsApart } from "../../src/onnx/weights-apart.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { openSession } from "../../src/runtime/sessions.js";
import { modelOf } from "./support.js";

const WIDTH = 20;
const input = Float32Array.from({ length: WIDTH }, (_, i) => i - 7);

/** x · A · B + c: A is in the file, B is computed when it is read, c is small. */
function model(): Model {
  const b = new GraphBuilder();
  const x = b.input("x", [1, WIDTH]);
  const a = b.floats(
    [WIDTH, WIDTH],
    Float32Array.from({ length: WIDTH ** 2 }, (_, i) => i % 13),
    "a",
  );
  const computed = b.weights([WIDTH, WIDTH], () => Float32Array.from({ length: WIDTH ** 2 }, (_, i) => i % 7));
  const c = b.floats(
    [WIDTH],
    Float32Array.from({ length: WIDTH }, (_, i) => i),
    "c",
  );
  b.output(b.op("Add", [b.op("MatMul", [b.op("MatMul", [x, a]), computed]), c]));
  // From a file, so that the tensors are views of its bytes.
  const file = decodeModel(encodeModel(modelOf(b)));
  const initializers = new Map([...file.graph.initializers, [computed, b.initializers.get(computed)!]]);
  return { ...file, graph: { ...file.graph, initializers } };
}

it("refers to large tensors of the file, and stores small and computed ones", () => {
  const { model: apart, weights } = withWeightsApart(model());
  const { initializers } = decodeModel(encodeModel(apart)).graph;
  const stored = [...initializers].map(([name, { external }]) => [
    name === "a" || name === "c" ? name : "computed",
    external !== undefined,
  ]);
  expect(Object.fromEntries(stored)).toEqual({ a: true, c: false, computed: false });
  const { location, offset, length } = Object.fromEntries(initializers.get("a")!.external!) as Record<string, string>;
  const found = weights.get(location!)!.slice(Number(offset), Number(offset) + Number(length));
  expect(found).toEqual(model().graph.initializers.get("a")!.bytes.slice());
});

it("gives the same session with the weights in the model and apart from it", async () => {
  const run = async (externalWeights: boolean) => {
    const port = createOrtPort(ort as never, { externalWeights });
    const session = await openSession(port, model(), { threads: 1 });
    const x = await port.upload("float32", [1, WIDTH], input.slice());
    const y = (await session.run({ x }, session.outputNames))[session.outputNames[0]!]!;
    return y.read();
  };
  expect(await run(true)).toEqual(await run(false));
});
