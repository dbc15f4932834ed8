import { sizeOf } from "../../src/tensor/tensor.js";

type Json = Record<string, unknown>;

/** Numbers from a seed, so that failures repeat (mulberry32), in −1 … 1. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** Attributes in protobuf's JSON form. */
export const attr = {
  s: (text: string): Json => ({ s: base64(text) }),
  i: (value: number): Json => ({ i: String(value) }),
  f: (value: number): Json => ({ f: value }),
  b: (value: boolean): Json => ({ b: value }),
  ints: (...values: number[]): Json => ({ list: { i: values.map(String) } }),
  strings: (...values: string[]): Json => ({ list: { s: values.map(base64) } }),
  shape: (...dims: number[]): Json => ({ shape: { dim: dims.map((size) => ({ size: String(size) })) } }),
};

/** Writes TF.js graph models by hand, for tests. */
export class TfjsWriter {
  readonly nodes: Json[] = [];
  readonly weights: Json[] = [];
  readonly #bytes: Uint8Array[] = [];
  #count = 0;

  node(op: string, input: readonly string[], attributes: Json = {}, name = `n${this.#count++}/${op}`): string {
    this.nodes.push({ name, op, input, attr: attributes });
    return name;
  }

  input(...dims: number[]): string {
    return this.node("Placeholder", [], { shape: attr.shape(...dims) }, "input_1");
  }

  floats(shape: readonly number[], data: ArrayLike<number>): string {
    return this.#constant(shape, "float32", Float32Array.from(data), sizeOf(shape) === data.length);
  }

  ints(data: readonly number[], shape: readonly number[] = [data.length]): string {
    return this.#constant(shape, "int32", Int32Array.from(data), true);
  }

  /** A constant with any manifest entry and any bytes. */
  stored(entry: Json, bytes: Uint8Array): string {
    const name = this.node("Const", []);
    this.weights.push({ name, ...entry });
    this.#bytes.push(bytes);
    return name;
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#bytes));
  }

  model(output: string): Json {
    return {
      format: "graph-model",
      signature: { outputs: { out: { name: `${output}:0` } } },
      modelTopology: { node: this.nodes },
      weightsManifest: [{ paths: ["group1-shard1of1.bin"], weights: this.weights }],
    };
  }

  #constant(shape: readonly number[], dtype: string, data: Float32Array | Int32Array, fits: boolean): string {
    if (!fits) throw new Error(`test: ${data.length} values for [${shape.join(", ")}]`);
    return this.stored({ shape, dtype }, new Uint8Array(data.buffer));
  }
}
