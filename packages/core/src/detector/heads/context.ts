import type { Size } from "../../image/frame.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { Model } from "../../onnx/model.js";
import type { RuntimePort } from "../../runtime/port.js";
import type { DetectorHead } from "../head.js";

/** The inputs of the search for a head. */
export interface HeadContext {
  readonly model: Model;
  readonly index: GraphIndex;
  readonly runtime: RuntimePort;
  /** `[h, w]` if the model has a fixed input size. */
  readonly fixedSize: Size | undefined;
  /** Number of class names in the options or the metadata. */
  readonly expectedClasses: number | undefined;
  /** Anchors of a head whose decoding is not in the file. */
  readonly anchors: string | readonly number[] | undefined;
}

/** A head, and the model with the nodes that compute its predictions. */
export interface FoundHead {
  readonly model: Model;
  readonly head: DetectorHead;
  /** True when the boxes are decoded with anchors that are not in the graph of the file. */
  readonly usesAnchors?: boolean;
  /** `[h, w]` that the head needs where the file takes images of any size. */
  readonly inputSize?: Size;
}
