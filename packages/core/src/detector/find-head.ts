import { WhyboxError } from "../errors.js";
import type { Size } from "../image/frame.js";
import { indexOf } from "../onnx/graph.js";
import type { Model } from "../onnx/model.js";
import type { RuntimePort } from "../runtime/port.js";
import { findAnchorBasedHead } from "./heads/anchor-based.js";
import type { FoundHead } from "./heads/context.js";
import { unsupportedHead } from "./heads/refuse-head.js";

export type { FoundHead } from "./heads/context.js";

/** Maximum number of outputs. Each one is examined; detectors have up to ten. */
const MAX_OUTPUTS = 64;

export interface FindHeadOptions {
  /** `[h, w]` if the model has a fixed input size. */
  readonly fixedSize: Size | undefined;
  /** Number of class names, if known. */
  readonly expectedClasses: number | undefined;
  /** Anchors of a head whose decoding is not in the file. */
  readonly anchors: string | readonly number[] | undefined;
}

/**
 * Finds the detection head of a model from what its graph computes. It does not use names. If the layout is not visible in the graph, the
 * decoding runs separately on generated maps. The returned model has the predictions in the common layout as a value (`DetectorHead.output`).
 * @throws unsupported-model when no output is a supported head. The message lists the outputs. usage for anchors that do not fit, or that the
 * head does not need.
 */
export async function findHead(model: Model, runtime: RuntimePort, options: FindHeadOptions): Promise<FoundHead> {
  const found = await findAnyHead(model, runtime, options);
  if (options.anchors === undefined || found.usesAnchors === true) return found;
  throw new WhyboxError(
    "usage",
    `The option anchors is set, but the head of this model needs none: ${found.head.source}. Omit the option.`,
    { details: { option: "anchors" } },
  );
}

async function findAnyHead(model: Model, runtime: RuntimePort, options: FindHeadOptions): Promise<FoundHead> {
  const { graph } = model;
  if (graph.outputs.length > MAX_OUTPUTS) {
    throw unsupportedHead(
      graph,
      [],
      `It has ${graph.outputs.length} outputs, and no detector has more than ${MAX_OUTPUTS}.`,
    );
  }
  const index = indexOf(graph);
  const anchorBased = findAnchorBasedHead(model, index);
  if ("kind" in anchorBased) return { model, head: anchorBased };
  // In a browser, a model with anchors in its graph does not load the script for all other heads.
  const { findOtherHead } = await import("./find-other-head.js");
  return findOtherHead({ model, index, runtime, ...options }, anchorBased);
}
