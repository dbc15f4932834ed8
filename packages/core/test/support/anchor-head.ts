import type { DetectorHead } from "../../src/detector/head.js";
import { findAnchorBasedHead } from "../../src/detector/heads/anchor-based.js";
import { unsupportedHead } from "../../src/detector/heads/refuse-head.js";
import type { Graph } from "../../src/onnx/model.js";

/** The anchor-based head of a graph, found without running anything. @throws unsupported-model when there is none. */
export function anchorHead(graph: Graph): DetectorHead {
  const found = findAnchorBasedHead(graph);
  if ("kind" in found) return found;
  throw unsupportedHead(graph, found);
}
