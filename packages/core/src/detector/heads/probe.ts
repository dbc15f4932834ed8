import { GraphBuilder } from "../../onnx/builder.js";
import { nodesBetween, readsOf, usedInitializers } from "../../onnx/cut.js";
import { elementType } from "../../onnx/element-type.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { DataType, type Model } from "../../onnx/model.js";
import type { RuntimePort, RuntimeSession, RuntimeTensor } from "../../runtime/port.js";
import { openSession } from "../../runtime/sessions.js";
import { sizeOf } from "../../tensor/tensor.js";

/** A map that the decoding reads: the output of a prediction convolution, with its size in the probe. */
export interface ProbeMap {
  readonly value: string;
  readonly dims: readonly [1, number, number, number];
}

/** Returns the values of a map, given its name and size. */
export type ProbeFill = (value: string, size: number) => Float32Array;

/** The decoding of a head as a separate model that runs on given maps. Its results show what it computes, regardless of its nodes. */
export interface Decoding {
  readonly dims: readonly number[];
  run(fill: ProbeFill): Promise<Float32Array>;
  release(): Promise<void>;
}

/** Maximum number of values of one result. It protects against hostile graphs. */
const MAX_VALUES = 64 * 2 ** 20;

/**
 * Opens a session for the decoding from `maps` to `value`. If the decoding also reads inputs of the model (for their shape), these are zeros with
 * the shape `inputDims`.
 * @throws runtime when the runtime cannot run the decoding.
 */
export async function openDecoding(
  model: Model,
  value: string,
  maps: readonly ProbeMap[],
  inputDims: readonly number[],
  runtime: RuntimePort,
): Promise<Decoding> {
  const { graph } = model;
  const build = new GraphBuilder(freshPrefix(model, "whybox/probe/"));
  const cut = new Set(maps.map((map) => map.value));
  const inner = nodesBetween(graph, cut, [value]);
  const read = new Set(inner.flatMap(readsOf));
  const images = graph.inputs.filter(({ name }) => read.has(name));
  const feeds = new Map(
    maps.map((map) => {
      const feed = build.input(build.fresh("map"), map.dims);
      build.node("Cast", [feed], [map.value], { to: elementType(graph, map.value) });
      return [map.value, feed] as const;
    }),
  );
  const output = build.fresh("decoded");
  const tail = new GraphBuilder(freshPrefix(model, "whybox/probed/"));
  tail.node("Cast", [value], [output], { to: DataType.FLOAT });
  const nodes = [...build.nodes, ...inner, ...tail.nodes];
  const probe: Model = {
    ...model,
    graph: {
      ...graph,
      nodes,
      inputs: [...build.inputs, ...images],
      outputs: [{ name: output, elemType: DataType.FLOAT, shape: undefined }],
      initializers: usedInitializers(graph, nodes),
      valueInfo: [],
    },
  };
  const session = await openSession(runtime, probe, { threads: 1 });
  const run = async (fill: ProbeFill): Promise<{ dims: readonly number[]; data: Float32Array }> => {
    const tensors: Record<string, RuntimeTensor> = {};
    for (const { value: map, dims } of maps) {
      const size = sizeOf(dims);
      tensors[feeds.get(map)!] = await runtime.upload("float32", dims, fill(map, size));
    }
    for (const image of images) {
      const zeros = new Float32Array(sizeOf(inputDims));
      tensors[image.name] = await runtime.upload("float32", inputDims, zeros);
    }
    return readOutput(session, tensors, output);
  };
  const first = await run((_, size) => new Float32Array(size));
  return {
    dims: first.dims,
    run: async (fill) => (await run(fill)).data,
    release: () => session.release(),
  };
}

async function readOutput(
  session: RuntimeSession,
  feeds: Readonly<Record<string, RuntimeTensor>>,
  output: string,
): Promise<{ dims: readonly number[]; data: Float32Array }> {
  const tensor = (await session.run(feeds, [output]))[output]!;
  const size = sizeOf(tensor.dims);
  const data = size <= MAX_VALUES ? ((await tensor.read()) as Float32Array) : new Float32Array(0);
  const { dims } = tensor;
  tensor.dispose();
  for (const feed of Object.values(feeds)) feed.dispose();
  return { dims, data };
}
