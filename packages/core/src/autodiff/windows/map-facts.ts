import { indexOf } from "../../onnx/graph.js";
import type { Graph } from "../../onnx/model.js";
import { ShapeFacts } from "../../onnx/shapes/shape-facts.js";
import type { FactSource } from "../../onnx/shapes/static-dims.js";

/** The number of input pixels `[height, width]`. */
export type PixelSize = readonly [height: number, width: number];

/** A feature map `[1, channels, H / stride, W / stride]`. */
export interface MapFacts {
  readonly channels: number;
  readonly stride: number;
}

/** Facts about the values of a graph at one input size. */
export interface SizedFacts extends FactSource {
  readonly size: PixelSize;
  /** Undefined for a value that is no map with a whole number of pixels per cell, or not known to be one. */
  map(value: string): MapFacts | undefined;
}

/** The sizes of all values for an image input of `size`, as far as they can be computed without running the graph. */
export function sizedFacts(graph: Graph, size: PixelSize): SizedFacts {
  const inputs = graph.inputs.map((input) =>
    input.shape?.length === 4 ? { ...input, shape: [1, input.shape[1]!, ...size] } : input,
  );
  const facts = new ShapeFacts({ ...graph, inputs, valueInfo: [] }, indexOf(graph).order);
  return {
    size,
    dims: (value) => facts.dims(value),
    constant: (value) => facts.constant(value),
    map: (value) => {
      const [batch, channels, height, width, ...more] = facts.dims(value) ?? [];
      if (batch !== 1 || typeof channels !== "number" || typeof height !== "number" || more.length > 0)
        return undefined;
      const stride = size[0] / height;
      return Number.isInteger(stride) && stride * Number(width) === size[1] ? { channels, stride } : undefined;
    },
  };
}
