import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { encodeModel } from "../../src/onnx/encode.js";
import type { Graph } from "../../src/onnx/model.js";
import type { Tensor } from "../../src/tensor/tensor.js";

/** The opset that rules are written in. */
export const TEST_OPSET = 21;

export interface TestSession {
  run(feeds: Readonly<Record<string, Tensor>>, outputs: readonly string[]): Promise<Tensor[]>;
  release(): Promise<void>;
}

/** A graph with float inputs and outputs, in onnxruntime-node on one thread. */
export async function openGraph(graph: Graph, opset: number = TEST_OPSET): Promise<TestSession> {
  const bytes = encodeModel({
    irVersion: 10,
    opsets: new Map([["", opset]]),
    producerName: "test",
    producerVersion: "",
    metadata: new Map(),
    graph,
  });
  const session = await InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  return {
    async run(feeds, outputs) {
      const fed = Object.entries(feeds).map(([name, { dims, data }]) => [name, new OrtTensor("float32", data, dims)]);
      const results = await session.run(Object.fromEntries(fed), [...outputs]);
      return outputs.map((name) => ({ dims: results[name]!.dims, data: results[name]!.data as Float32Array }));
    },
    release: () => session.release(),
  };
}

/** Runs a graph once. */
export async function runGraph(
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
  outputs: readonly string[] = graph.outputs.map((output) => output.name),
): Promise<Tensor[]> {
  const session = await openGraph(graph);
  try {
    return await session.run(feeds, outputs);
  } finally {
    await session.release();
  }
}
