import { indexOf } from "../onnx/graph.js";
import { DataType, type Graph } from "../onnx/model.js";
import { ShapeFacts } from "../onnx/shapes/shape-facts.js";
import { sizeOf } from "../tensor/tensor.js";
import type { RuntimeSession, RuntimeTensor } from "./port.js";

type Tensors = Readonly<Record<string, RuntimeTensor>>;

/** Runs with fewer input values are not looked at: their outputs are small. */
const MIN_VALUES = 2 ** 18;
/** Number of input shapes that a session remembers. */
const MAX_KNOWN = 64;

/** A session that says how many bytes its outputs take: as inferred from the shapes of the inputs, and from the second run of equal shapes on as they were. */
export function withOutputBytes(session: RuntimeSession, graph: Graph): RuntimeSession {
  const known = new Map<string, number>();
  return {
    ...session,
    run: async (feeds, outputs) => {
      const given = Object.entries(feeds).map(([name, { dims }]) => [name, dims] as const);
      if (given.reduce((sum, [, dims]) => sum + sizeOf(dims), 0) < MIN_VALUES) return session.run(feeds, outputs);
      const key = JSON.stringify([given, outputs]);
      const results = await session.run(
        feeds,
        outputs,
        () => known.get(key) ?? inferredBytes(graph, new Map(given), outputs),
      );
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(key, bytesOf(results));
      return results;
    },
  };
}

/** The bytes of the outputs whose shape follows from the shapes of the inputs. */
export function inferredBytes(
  graph: Graph,
  given: ReadonlyMap<string, readonly number[]>,
  outputs: readonly string[],
): number {
  // The declared shapes of inner values may be those of another input size.
  const facts = new ShapeFacts({ ...graph, valueInfo: [] }, indexOf(graph).order, (value) => given.get(value));
  const types = new Map(graph.outputs.map(({ name, elemType }) => [name, elemType]));
  return outputs.reduce((sum, name) => {
    const dims = facts.dims(name) ?? [null];
    const isKnown = (dim: unknown): dim is number => typeof dim === "number";
    return dims.every(isKnown) ? sum + sizeOf(dims) * (types.get(name) === DataType.INT64 ? 8 : 4) : sum;
  }, 0);
}

function bytesOf(tensors: Tensors): number {
  return Object.values(tensors).reduce((sum, { type, dims }) => sum + sizeOf(dims) * (type === "int64" ? 8 : 4), 0);
}
