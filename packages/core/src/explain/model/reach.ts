import type { DetectorHead } from "../../detector/head.js";
import type { Layer } from "../../detector/layer.js";
import { GraphIndex } from "../../onnx/graph.js";
import type { Graph } from "../../onnx/model.js";

/** What of a detector's outputs depends on a value of its graph. */
export interface Reach {
  readonly levels: ReadonlySet<number>;
  readonly prototypes: boolean;
}

/** The reach of each value of a graph. */
interface Reachable {
  readonly reach: (value: string) => Reach;
}

/** Tells what depends on values of a graph, each looked for once. */
export function createReach(graph: Graph, head: DetectorHead): (value: string) => Reach {
  const index = new GraphIndex(graph);
  const known = new Map<string, Reach>();
  return (value) => {
    const found = known.get(value);
    if (found !== undefined) return found;
    const behind = index.descendants([value]);
    const levels = head.levels.flatMap((level, i) =>
      level.convOutputs.some((output) => behind.has(output)) ? [i] : [],
    );
    const reach = {
      levels: new Set(levels),
      prototypes: head.prototypes !== undefined && behind.has(head.prototypes),
    };
    known.set(value, reach);
    return reach;
  };
}

/** Which detection levels a layer feeds: the gradient of a row of any other level is exactly zero there. */
export function levelsBehind({ reach }: Reachable, layer: Layer): ReadonlySet<number> {
  return reach(layer.value).levels;
}

/** Whether the mask prototypes depend on a layer. */
export function feedsPrototypes({ reach }: Reachable, layer: Layer): boolean {
  return reach(layer.value).prototypes;
}
