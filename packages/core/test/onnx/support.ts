import * as ort from "onnxruntime-node";
import type { GraphBuilder } from "../../src/onnx/builder.js";
import { encodeModel } from "../../src/onnx/encode.js";
import type { Graph, Model } from "../../src/onnx/model.js";

/** A model around a graph, as a file of the given opset would say it. */
export function modelOf(graph: Graph | GraphBuilder, opset = 21, irVersion = opset < 21 ? 8 : 10): Model {
  return {
    irVersion,
    opsets: new Map([["", opset]]),
    producerName: "whybox-test",
    producerVersion: "",
    metadata: new Map(),
    graph: "graph" in graph ? graph.graph("test") : graph,
  };
}

export type Feeds = Readonly<Record<string, ort.Tensor>>;

/** Runs a model with ONNX Runtime and returns its outputs by name. */
export async function runModel(model: Model, feeds: Feeds): Promise<Record<string, ort.Tensor>> {
  const session = await ort.InferenceSession.create(encodeModel(model), { logSeverityLevel: 3, intraOpNumThreads: 1 });
  try {
    return { ...(await session.run(feeds)) };
  } finally {
    await session.release();
  }
}

/** A float32 tensor of numbers that look random and repeat in every run, in -1..1. */
export function noise(dims: readonly number[], seed = 1): ort.Tensor {
  const size = dims.reduce((a, b) => a * b, 1);
  let state = seed;
  const data = Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32) * 2 - 1;
  });
  return new ort.Tensor("float32", data, [...dims]);
}

/** Protobuf bytes written by hand, for files that no sound writer would make. */
export const wire = {
  varint(value: number): number[] {
    const bytes: number[] = [];
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
    return [...bytes, rest];
  },
  int(field: number, value: number): number[] {
    return [...wire.varint(field * 8), ...wire.varint(value)];
  },
  bytes(field: number, payload: readonly number[]): number[] {
    return [...wire.varint(field * 8 + 2), ...wire.varint(payload.length), ...payload];
  },
  text(field: number, value: string): number[] {
    return wire.bytes(field, [...new TextEncoder().encode(value)]);
  },
  /** -1 and its like, as the ten bytes of their two's complement. */
  minusOne: [255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
  /** A model file around the fields of a graph. */
  file(graph: readonly number[], more: readonly number[] = []): Uint8Array {
    return Uint8Array.from([...wire.int(1, 8), ...wire.bytes(7, graph), ...wire.bytes(8, wire.int(2, 13)), ...more]);
  },
};
