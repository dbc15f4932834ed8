import { expect } from "vitest";
import { type BackwardGraph, buildBackward } from "../../src/autodiff/backward.js";
import type { GradRule } from "../../src/autodiff/rule.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import type { Graph } from "../../src/onnx/model.js";
import { sizeOf, type Tensor } from "../../src/tensor/tensor.js";
import { openGraph, type TestSession } from "./ort.js";
import { randomSource } from "./random.js";

/** Values of one input: given, or drawn evenly from `range` while keeping `margin` away from the kinks in `avoid`. */
export interface InputSpec {
  readonly dims: readonly number[];
  readonly data?: readonly number[] | Float32Array;
  /** Default [-1.5, 1.5]. */
  readonly range?: readonly [number, number];
  /** Points where the derivative jumps. */
  readonly avoid?: readonly number[];
  /** True: every two values are at least 0.1 apart (for MaxPool, Max, TopK…). `range` is then ignored. */
  readonly distinct?: boolean;
}

export interface VjpCase {
  /** Adds the nodes of the model and returns its outputs. `x` maps the names of `inputs` to values. */
  readonly build: (b: GraphBuilder, x: Readonly<Record<string, Value>>) => Value | readonly Value[];
  readonly inputs: Readonly<Record<string, InputSpec>>;
  /** Inputs to differentiate with respect to. Default: all. */
  readonly wanted?: readonly string[];
  /**
   * Several seeds at once. Default "equal" when every wanted input has 1 along axis 0, else "skip". "equal": three seeds at once give
   * what they give one by one. "refused": the rule must say that it cannot.
   */
  readonly manySeeds?: "equal" | "refused" | "skip";
  /** Largest difference, relative to the size of the sum's terms. Default 1e-3. */
  readonly tolerance?: number;
  /** Default 0.02. The function must be smooth within 2 × step of every input. */
  readonly step?: number;
  readonly rules?: readonly GradRule[];
  /** Default: the opset that rules are written in. Later ones know more ops. */
  readonly opset?: number;
}

const DIRECTIONS = 4;
const SEEDS = 3;
/** Central differences reach 2 × step; inputs stay this far away from the kinks. */
const MARGIN = 0.06;

/**
 * Checks a model's backward graph through ONNX Runtime: for random tangents t and cotangents c,
 * ⟨t, vjp(c)⟩ must be the derivative of ⟨c, f(x + s·t)⟩ at s = 0. Everything is done twice: with the sizes of the inputs
 * written in the model, and with only their ranks. NaN and infinities never pass.
 *
 * The derivative comes from differences of fourth order, (8·(f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h. ONNX Runtime computes in
 * float32: a step of 0.02 makes the error of rounding about 1e-7 / 0.02 = 5e-6 of f and that of truncation h⁴/30 = 5e-9 of
 * its fifth derivative, so that 1e-3 leaves room for sums that cancel, and a wrong element among some hundred still shows.
 */
export async function checkVjp(spec: VjpCase): Promise<void> {
  for (const sizes of ["static", "dynamic"] as const) {
    const model = buildModel(spec, sizes);
    await checkDerivative(spec, model, sizes);
    await checkManySeeds(spec, model, sizes);
  }
}

interface TestModel {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly wanted: readonly string[];
  readonly outputs: readonly string[];
}

function buildModel(spec: VjpCase, sizes: "static" | "dynamic"): TestModel {
  const b = new GraphBuilder("m");
  const random = randomSource(7);
  const inputs: Record<string, Tensor> = {};
  for (const [name, input] of Object.entries(spec.inputs)) {
    b.input(name, sizes === "static" ? input.dims : input.dims.map(() => null));
    inputs[name] = drawInput(input, random);
  }
  const built = spec.build(b, Object.fromEntries(Object.keys(inputs).map((name) => [name, name])));
  const outputs = typeof built === "string" ? [built] : built;
  for (const output of outputs) b.output(output);
  return { graph: b.graph("test"), inputs, wanted: spec.wanted ?? Object.keys(inputs), outputs };
}

function drawInput(spec: InputSpec, random: () => number): Tensor {
  const size = sizeOf(spec.dims);
  if (spec.data) {
    expect(spec.data.length, "values given for the dims").toBe(size);
    return { dims: spec.dims, data: Float32Array.from(spec.data) };
  }
  if (spec.distinct) return { dims: spec.dims, data: distinctValues(size, random) };
  const [low, high] = spec.range ?? [-1.5, 1.5];
  const far = (x: number) => (spec.avoid ?? []).every((kink) => Math.abs(x - kink) > MARGIN);
  const draw = () => {
    for (let tries = 0; tries < 1000; tries++) {
      const x = low + (high - low) * random();
      if (far(x)) return x;
    }
    throw new Error(`No value in [${low}, ${high}] keeps away from the kinks.`);
  };
  return { dims: spec.dims, data: Float32Array.from({ length: size }, draw) };
}

/** A shuffled ladder with rungs 0.15 apart, around 0. */
function distinctValues(size: number, random: () => number): Float32Array {
  const values = Float32Array.from({ length: size }, (_, i) => (i - size / 2) * 0.15);
  for (let i = size - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return values;
}

/** Forward and backward pass as one model: the seeds are inputs, the gradients outputs. */
export function joinBackward(graph: Graph, backward: BackwardGraph): Graph {
  const { builder, seeds, gradients } = backward;
  const info = (name: string) => ({ name, elemType: 1, shape: undefined });
  const ends = [...gradients.values()].filter((value) => value !== null);
  return {
    ...graph,
    nodes: [...graph.nodes, ...builder.nodes],
    initializers: new Map([...graph.initializers, ...builder.initializers]),
    inputs: [...graph.inputs, ...[...seeds.values()].map(info)],
    outputs: [...graph.outputs, ...ends.map(info)],
  };
}

async function checkDerivative(spec: VjpCase, model: TestModel, sizes: string): Promise<void> {
  const random = randomSource(11);
  const session = await openBackward(spec, model, false);
  const values = await session.forward.run(model.inputs, model.outputs);
  const seeds = values.map((y) => randomLike(y, random));
  const gradients = await session.gradients(seeds);
  for (const name of model.wanted) {
    const x = model.inputs[name]!;
    const g = gradients.get(name)!;
    expect(g.dims, `${sizes}: dims of the gradient of "${name}"`).toEqual(x.dims);
    expectFinite(g, `${sizes}: gradient of "${name}"`);
    for (let i = 0; i < DIRECTIONS; i++) {
      const tangent = randomLike(x, random);
      const along = (h: number) => valueAlong(session.forward, model, name, tangent, h, seeds);
      const expected = await difference(along, spec.step ?? 0.02);
      const found = dot(g.data, tangent.data);
      const scale = Math.max(Math.abs(expected), norm(g.data, tangent.data), 1e-3);
      const error = Math.abs(found - expected) / scale;
      const what = `${sizes}: ⟨tangent, gradient of "${name}"⟩ is ${found}, differences give ${expected}: relative error`;
      expect(error, what).toBeLessThanOrEqual(spec.tolerance ?? 1e-3);
    }
  }
  await session.release();
}

async function checkManySeeds(spec: VjpCase, model: TestModel, sizes: string): Promise<void> {
  const single = model.wanted.every((name) => model.inputs[name]!.dims[0] === 1);
  const mode = spec.manySeeds ?? (single ? "equal" : "skip");
  if (mode === "skip") return;
  const options = { taps: model.wanted, outputs: model.outputs, manySeeds: true, ...rulesOf(spec) };
  const { manySeeds, refusals } = buildBackward(model.graph, options);
  expect(manySeeds, `${sizes}: many seeds (${refusals.join("; ")})`).toBe(mode === "equal");
  if (mode === "refused") return;
  const one = await openBackward(spec, model, false);
  const many = await openBackward(spec, model, true);
  const random = randomSource(13);
  const values = await one.forward.run(model.inputs, model.outputs);
  const seeds = Array.from({ length: SEEDS }, () => values.map((y) => randomLike(y, random)));
  const stacked = values.map((y, i) =>
    stack(
      y,
      seeds.map((seed) => seed[i]!),
    ),
  );
  const together = await many.gradients(stacked);
  for (let n = 0; n < SEEDS; n++) {
    const alone = await one.gradients(seeds[n]!);
    for (const name of model.wanted)
      expectSlice(together.get(name)!, alone.get(name)!, n, `${sizes}: seed ${n}, "${name}"`);
  }
  await one.release();
  await many.release();
}

function rulesOf(spec: VjpCase): { rules?: readonly GradRule[] } {
  return spec.rules ? { rules: spec.rules } : {};
}

interface BackwardSession {
  readonly forward: TestSession;
  gradients(seeds: readonly Tensor[]): Promise<Map<string, Tensor>>;
  release(): Promise<void>;
}

async function openBackward(spec: VjpCase, model: TestModel, manySeeds: boolean): Promise<BackwardSession> {
  const { graph, wanted, outputs } = model;
  const backward = buildBackward(graph, { taps: wanted, outputs, manySeeds, ...rulesOf(spec) });
  const forward = await openGraph(graph, spec.opset);
  const session = await openGraph(joinBackward(graph, backward), spec.opset);
  return {
    forward,
    async gradients(seeds) {
      const feeds = { ...model.inputs };
      outputs.forEach((output, i) => {
        feeds[backward.seeds.get(output)!] = seeds[i]!;
      });
      const names = wanted.filter((name) => backward.gradients.get(name) !== null);
      const found = await session.run(
        feeds,
        names.map((name) => backward.gradients.get(name)!),
      );
      const zeros = (name: string) => ({ ...model.inputs[name]!, data: model.inputs[name]!.data.map(() => 0) });
      return new Map(wanted.map((name) => [name, names.includes(name) ? found[names.indexOf(name)]! : zeros(name)]));
    },
    async release() {
      await forward.release();
      await session.release();
    },
  };
}

/** ⟨seeds, outputs⟩ with input `name` moved by h × tangent. */
async function valueAlong(
  session: TestSession,
  model: TestModel,
  name: string,
  tangent: Tensor,
  h: number,
  seeds: readonly Tensor[],
): Promise<number> {
  const x = model.inputs[name]!;
  const moved = { dims: x.dims, data: x.data.map((value, i) => value + h * tangent.data[i]!) };
  const values = await session.run({ ...model.inputs, [name]: moved }, model.outputs);
  return values.reduce((sum, y, i) => sum + dot(y.data, seeds[i]!.data), 0);
}

async function difference(f: (h: number) => Promise<number>, h: number): Promise<number> {
  const near = (await f(h)) - (await f(-h));
  const far = (await f(2 * h)) - (await f(-2 * h));
  return (8 * near - far) / (12 * h);
}

function randomLike({ dims }: Tensor, random: () => number): Tensor {
  return { dims, data: Float32Array.from({ length: sizeOf(dims) }, () => 2 * random() - 1) };
}

function stack(like: Tensor, parts: readonly Tensor[]): Tensor {
  const data = Float32Array.from(parts.flatMap((part) => [...part.data]));
  return { dims: [parts.length, ...like.dims.slice(1)], data };
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

/** Root of the summed squares of the terms of ⟨a, b⟩: what the sum would be if its terms did not cancel or agree. */
function norm(a: Float32Array, b: Float32Array): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value * b[i]!) ** 2, 0));
}

function expectFinite(tensor: Tensor, what: string): void {
  expect(
    [...tensor.data].filter((value) => !Number.isFinite(value)),
    `${what}: values that are not finite`,
  ).toEqual([]);
}

/** Slice `n` of `all` must be `one` up to rounding; NaN and infinities must stand in the same places. */
function expectSlice(all: Tensor, one: Tensor, n: number, what: string): void {
  expect(all.dims, `${what}: dims`).toEqual([SEEDS, ...one.dims.slice(1)]);
  expectClose(all.data.subarray(n * one.data.length, (n + 1) * one.data.length), one.data, what);
}

/** Element by element: equal up to 1e-5 of the largest value; NaN and infinities must match exactly. */
export function expectClose(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  tolerance = 1e-5,
): void {
  expect(found.length, `${what}: length`).toBe(expected.length);
  let scale = 1e-6;
  for (let i = 0; i < expected.length; i++)
    if (Number.isFinite(expected[i])) scale = Math.max(scale, Math.abs(expected[i]!));
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [found[i]!, expected[i]!];
    if (Object.is(a, b)) continue;
    const close = Number.isFinite(a) && Number.isFinite(b) && Math.abs(a - b) <= tolerance * scale;
    if (!close) expect(a, `${what}: element ${i}`).toBe(b);
  }
}
