import { expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { expectClose, joinBackward } from "../support/check-vjp.js";
import { runGraph } from "../support/ort.js";
import { randomSource } from "../support/random.js";

/**
 * A perceptron with a residual connection, y = softmax(V·(h + tanh h)), h = σ(x·W + b), differentiated by hand: with
 * δ = y ∘ (c − ⟨c, y⟩) and e = δ·Vᵀ,
 * dh = e ∘ (2 − tanh² h), db = dh ∘ h ∘ (1 − h), dW = xᵀ·db, dx = db·Wᵀ.
 */
it("agrees with a small network differentiated by hand", async () => {
  const [I, H, O] = [5, 7, 3];
  const random = randomSource(3);
  const draw = (n: number) => Float32Array.from({ length: n }, () => 2 * random() - 1);
  const [x, W, bias, V, c] = [draw(I), draw(I * H), draw(H), draw(H * O), draw(O)];
  const b = new GraphBuilder("m");
  for (const [name, dims] of [
    ["x", [1, I]],
    ["W", [I, H]],
    ["bias", [H]],
  ] as const)
    b.input(name, dims);
  b.node("Sigmoid", [b.op("Add", [b.op("MatMul", ["x", "W"]), "bias"])], ["h"]);
  const sum = b.op("Add", ["h", b.op("Tanh", ["h"])]);
  b.node("Softmax", [b.op("Gemm", [sum, b.floats([H, O], V)])], ["y"]);
  b.output("y");
  const graph = b.graph("perceptron");
  const taps = ["x", "W", "bias", "h"];
  const backward = buildBackward(graph, { taps, outputs: ["y"], manySeeds: false });
  const feeds = { x: { dims: [1, I], data: x }, W: { dims: [I, H], data: W }, bias: { dims: [H], data: bias } };
  const seed = { [backward.seeds.get("y")!]: { dims: [1, O], data: c } };
  const names = taps.map((tap) => backward.gradients.get(tap)!);
  const [dx, dW, dBias, dh] = await runGraph(joinBackward(graph, backward), { ...feeds, ...seed }, names);

  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  const add = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const h = range(H).map((j) => 1 / (1 + Math.exp(-bias[j]! - add(range(I).map((i) => x[i]! * W[i * H + j]!)))));
  const scores = range(O).map((k) => Math.exp(add(range(H).map((j) => (h[j]! + Math.tanh(h[j]!)) * V[j * O + k]!))));
  const y = scores.map((score) => score / add(scores));
  const mean = add(range(O).map((k) => c[k]! * y[k]!));
  const delta = range(O).map((k) => y[k]! * (c[k]! - mean));
  const e = range(H).map((j) => add(range(O).map((k) => delta[k]! * V[j * O + k]!)));
  const byHandH = range(H).map((j) => e[j]! * (2 - Math.tanh(h[j]!) ** 2));
  const byHandBias = range(H).map((j) => byHandH[j]! * h[j]! * (1 - h[j]!));
  expect(dW!.dims).toEqual([I, H]);
  expectClose(dh!.data, byHandH, "dh", 2e-6);
  expectClose(dBias!.data, byHandBias, "dbias", 2e-6);
  expectClose(
    dW!.data,
    range(I * H).map((n) => x[Math.floor(n / H)]! * byHandBias[n % H]!),
    "dW",
    2e-6,
  );
  expectClose(
    dx!.data,
    range(I).map((i) => add(range(H).map((j) => byHandBias[j]! * W[i * H + j]!))),
    "dx",
    2e-6,
  );
});
