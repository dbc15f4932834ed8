import { WhyboxError } from "../errors.js";
import type { Size } from "../image/frame.js";
import { indexOf } from "../onnx/graph.js";
import type { Model } from "../onnx/model.js";
import type { RuntimePort } from "../runtime/port.js";
import { findAnchorBasedHead } from "./heads/anchor-based.js";
import { findAnchorDeltas } from "./heads/anchor-deltas.js";
import { findAnchorFreeHead } from "./heads/anchor-free.js";
import { findBlackBox } from "./heads/black-box.js";

import type { FoundHead } from "./heads/context.js";
import { findQueryHead } from "./heads/query.js";
import { findRawMaps } from "./heads/raw-maps.js";
import { unsupportedHead } from "./heads/refuse-head.js";
import { findSeparateOutputs } from "./heads/separate-outputs.js";

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
  const context = { model, index, runtime, ...options };
  const anchorFree = await findAnchorFreeHead(context);
  if ("head" in anchorFree) return anchorFree;
  const separate = await findSeparateOutputs(context);
  if ("head" in separate) return separate;
  const deltas = findAnchorDeltas(context);
  if ("head" in deltas) return deltas;
  const raw = findRawMaps(context);
  if ("head" in raw) return raw;
  const query = await findQueryHead(context);
  if ("head" in query) return query;
  const selected = findBlackBox(context);
  if ("head" in selected) return selected;
  // The most specific reason for each output.
  const misses = [...[deltas, selected, raw].filter(({ close }) => close), ...separate, ...anchorFree].map(
    (miss) => anchorBased.find((one) => one.output === miss.output && one.close) ?? miss,
  );
  throw unsupportedHead(graph, misses.length > 0 ? misses : [query]);
}
