import type { DetectorHead } from "../../detector/head.js";
import type { Layer } from "../../detector/layer.js";
import { indexOf } from "../../onnx/graph.js";
import type { Graph } from "../../onnx/model.js";

/** The outputs of a detector that depend on one value of its graph. */
export interface Reach {
  readonly levels: ReadonlySet<number>;
  readonly prototypes: boolean;
}

/** An object that returns the reach of each value of a graph. */
interface Reachable {
  readonly reach: (value: string) => Reach;
}

/** Returns a function that computes the reach of a value. Results are cached. */
export function createReach(graph: Graph, head: DetectorHead): (value: string) => Reach {
  const index = indexOf(graph);
  const known = new Map<string, Reach>();
  return (value) => {
    const found = known.get(value);
    if (found !== undefined) return found;
    const downstream = index.descendants([value]);
    const levels = head.levels.flatMap((level, i) =>
      level.convOutputs.some((output) => downstream.has(output)) ? [i] : [],
    );
    const reach = {
      levels: new Set(levels),
      prototypes: head.prototypes !== undefined && downstream.has(head.prototypes),
    };
    known.set(value, reach);
    return reach;
  };
}

/** Detection levels that depend on a layer. The gradient of a row of any other level is exactly zero at this layer. */
export function dependentLevels({ reach }: Reachable, layer: Layer): ReadonlySet<number> {
  return reach(layer.value).levels;
}

/** Whether the mask prototypes depend on a layer. */
export function feedsPrototypes({ reach }: Reachable, layer: Layer): boolean {
  return reach(layer.value).prototypes;
}
