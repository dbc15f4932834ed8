import { topologicalOrder } from "../../onnx/graph.js";
import type { Node } from "../../onnx/model.js";
import { type LocalStep, localStep } from "./local-step.js";
import type { SizedFacts } from "./map-facts.js";

/** A node that runs on windows of its maps. */
export interface NarrowStep {
  readonly node: Node;
  readonly local: LocalStep;
  /** Its inputs that are maps. */
  readonly maps: readonly string[];
  /** Whether its inputs are brought to the window that it reads. If not, they all have the same window already. */
  readonly cuts: boolean;
}

/** The part of a network between some maps and some roots, as local steps. */
export interface NarrowWalk {
  readonly steps: readonly NarrowStep[];
  /** The maps that it begins with. */
  readonly entries: readonly string[];
  readonly roots: readonly string[];
  /** Value → the entry, or the first output of a step that cuts, whose window it has. */
  readonly origins: ReadonlyMap<string, string>;
}

/** The steps from `entries` to `roots`. Undefined if a node is not local, or a value is no map. */
export function narrowWalk(
  nodes: readonly Node[],
  { entries, roots, facts }: Pick<NarrowWalk, "entries" | "roots"> & { readonly facts: SizedFacts },
): NarrowWalk | undefined {
  // Maps with the same origin have the same area.
  const origins = new Map(entries.map((value) => [value, value]));
  const steps: NarrowStep[] = [];
  for (const node of topologicalOrder(nodes)) {
    const maps = [...new Set(node.inputs.filter((input) => origins.has(input)))];
    if (maps.length === 0) continue;
    const local = [...maps, ...node.outputs].every((value) => facts.map(value)) ? localStep(node, facts) : undefined;
    const strides = new Set(maps.map((value) => facts.map(value)?.stride));
    if (local === undefined || strides.size > 1 || !isWhole(facts, maps[0]!, node.outputs[0]!)) return undefined;
    const from = new Set(maps.map((value) => origins.get(value)!));
    const cuts = !local.pointwise || from.size > 1;
    for (const output of node.outputs) origins.set(output, cuts ? node.outputs[0]! : [...from][0]!);
    steps.push({ node, local, maps, cuts });
  }
  if (![...entries, ...roots].every((value) => origins.has(value) && facts.map(value))) return undefined;
  return { steps, entries, roots, origins };
}

/** Whether a cell of one map has a whole number of cells of the other. */
function isWhole(facts: SizedFacts, input: string, output: string): boolean {
  const [from, to] = [facts.map(input)!.stride, facts.map(output)!.stride];
  return from % to === 0 || to % from === 0;
}
