import type { DetectorHead } from "../../src/detector/head.js";
import { findAnchorBasedHead } from "../../src/detector/heads/anchor-based.js";
import { unsupportedHead } from "../../src/detector/heads/refuse-head.js";
import { GraphIndex } from "../../src/onnx/graph.js";
import type { Graph } from "../../src/onnx/model.js";
import { modelOf } from "../onnx/support.js";

/** The anchor-based head of a graph, found without running anything. @throws unsupported-model when there is none. */
export function anchorHead(graph: Graph): DetectorHead {
  const found = findAnchorBasedHead(modelOf(graph), new GraphIndex(graph));
  if ("kind" in found) return found;
  throw unsupportedHead(graph, found);
}
