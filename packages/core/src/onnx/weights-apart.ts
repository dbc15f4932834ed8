import type { Model, TensorProto } from "./model.js";
import { byteLengthOf } from "./tensors.js";

/** Smaller tensors stay in the model: a runtime reads shapes and axes before it has the weights. */
const MIN_BYTES = 1024;

/** A model whose large tensors are in other memory. */
export interface ModelParts {
  readonly model: Model;
  /** Location → memory. The tensors name their location and their place in it, like tensors of an external file. */
  readonly weights: ReadonlyMap<string, Uint8Array>;
}

/** Refers to the values of large tensors instead of storing them, so that a file of the model is small. Computed values stay. */
export function withWeightsApart(model: Model): ModelParts {
  const { graph } = model;
  const locations = new Map<ArrayBufferLike, string>();
  const refer = (tensor: TensorProto): TensorProto => {
    if (tensor.byteLength !== undefined || tensor.external !== undefined || byteLengthOf(tensor) < MIN_BYTES)
      return tensor;
    const { buffer, byteOffset, byteLength } = tensor.bytes;
    const location = locations.get(buffer) ?? `whybox-weights-${locations.size}`;
    locations.set(buffer, location);
    const place = { location, offset: `${byteOffset}`, length: `${byteLength}` };
    return { ...tensor, external: new Map(Object.entries(place)) };
  };
  const initializers = new Map([...graph.initializers].map(([name, tensor]) => [name, refer(tensor)]));
  const weights = new Map([...locations].map(([buffer, location]) => [location, new Uint8Array(buffer)]));
  return { model: { ...model, graph: { ...graph, initializers } }, weights };
}
