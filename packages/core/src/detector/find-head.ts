import type { Size } from "../image/frame.js";
import { GraphIndex } from "../onnx/graph.js";
import type { Model } from "../onnx/model.js";
import type { RuntimePort } from "../runtime/port.js";
import { findAnchorBasedHead } from "./heads/anchor-based.js";
import { type FoundHead, findAnchorFreeHead } from "./heads/anchor-free.js";
import { findQueryHead } from "./heads/query.js";
import { unsupportedHead } from "./heads/refuse-head.js";

export type { FoundHead } from "./heads/anchor-free.js";

/** Each is looked at; detectors have up to ten. */
const MOST_OUTPUTS = 64;

export interface FindHeadOptions {
  /** `[h, w]` where the model fixes it. */
  readonly fixedSize: Size | undefined;
  /** How many classes there are names for, where that is known. */
  readonly expectedClasses: number | undefined;
}

/**
 * Finds a model's detection head by what its graph computes; names play no part. The decoding is cut out and run on made-up maps where its
 * layout has to be seen. The model that is returned has the predictions in one layout as a value (`DetectorHead.output`).
 * @throws unsupported-model when no output is a head that is known, telling what was found.
 */
export async function findHead(model: Model, runtime: RuntimePort, options: FindHeadOptions): Promise<FoundHead> {
  const { graph } = model;
  if (graph.outputs.length > MOST_OUTPUTS) {
    throw unsupportedHead(
      graph,
      [],
      `It has ${graph.outputs.length} outputs, and no detector has more than ${MOST_OUTPUTS}.`,
    );
  }
  const index = new GraphIndex(graph);
  const anchorBased = findAnchorBasedHead(model, index);
  if ("kind" in anchorBased) return { model, head: anchorBased };
  const anchorFree = await findAnchorFreeHead({ model, index, runtime, ...options });
  if ("head" in anchorFree) return anchorFree;
  const query = findQueryHead(model, index);
  if ("head" in query) return query;
  // Of each output the reason that says most.
  const misses = anchorFree.map((miss) => anchorBased.find((one) => one.output === miss.output && one.close) ?? miss);
  throw unsupportedHead(graph, misses.length > 0 ? misses : [query]);
}
