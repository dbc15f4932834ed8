import { topologicalOrder } from "../../onnx/graph.js";
import type { Node } from "../../onnx/model.js";
import { type Area, type Interval, type LocalStep, localStep } from "./local-step.js";
import type { SizedFacts } from "./map-facts.js";
import { union } from "./region.js";
import { workPerPixel } from "./region-cost.js";

/** A node that runs on crops of its maps. */
export interface NarrowStep {
  readonly node: Node;
  readonly local: LocalStep;
  /** Its inputs that are maps. */
  readonly maps: readonly string[];
  /** Whether its inputs are cut to the area that its outputs need. If not, they all have the same area. */
  readonly cuts: boolean;
}

/** A map that is cut before a node reads it. */
export interface Cut {
  readonly value: string;
  /** Undefined: the cell of a root is cut out. */
  readonly step: NarrowStep | undefined;
}

/** The part of a network between some maps and some roots, as steps on crops. */
export interface NarrowWalk {
  readonly steps: readonly NarrowStep[];
  /** The maps that it begins with, in the order of their bounds. They are whole before they are cut. */
  readonly entries: readonly string[];
  readonly roots: readonly string[];
  readonly cuts: readonly Cut[];
}

/** The areas for one cell of the roots. */
export interface NarrowAreas {
  /** Entry → the area that the cell depends on. */
  readonly entries: ReadonlyMap<string, Area>;
  /** For each entry, then for each cut: where it starts and ends in the map that is cut. */
  readonly bounds: readonly Area[];
  /** Multiplications of one run. */
  readonly work: number;
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
  const cuts: Cut[] = steps.flatMap((step) => (step.cuts ? step.maps.map((value) => ({ value, step })) : []));
  return { steps, entries, roots, cuts: [...cuts, ...roots.map((value) => ({ value, step: undefined }))] };
}

/** Whether a cell of one map has a whole number of cells of the other. */
function isWhole(facts: SizedFacts, input: string, output: string): boolean {
  const [from, to] = [facts.map(input)!.stride, facts.map(output)!.stride];
  return from % to === 0 || to % from === 0;
}

/** The crops that give the cell `[y, x]` of the roots what it is on whole maps. */
export function narrowAreas(walk: NarrowWalk, [y, x]: readonly [number, number], facts: SizedFacts): NarrowAreas {
  const cell: Area = [
    [y, y + 1],
    [x, x + 1],
  ];
  const needed = new Map(walk.roots.map((value): [string, Area] => [value, cell]));
  const read = new Map<NarrowStep, Area>();
  for (const step of walk.steps.toReversed()) {
    let own: Area | undefined;
    for (const output of step.node.outputs) own = union(own, needed.get(output));
    if (own === undefined) continue;
    const area = areaRead(step, own, facts);
    read.set(step, area);
    for (const value of step.maps) needed.set(value, union(area, needed.get(value)));
  }
  const entries = new Map(walk.entries.map((value) => [value, needed.get(value)!]));
  const present = new Map(entries);
  let work = 0;
  for (const step of walk.steps) {
    const input = step.maps[0]!;
    const output = step.node.outputs[0]!;
    const area = step.cuts ? read.get(step)! : present.get(input)!;
    const factor = facts.map(input)!.stride / facts.map(output)!.stride;
    const made: Area = [scaled(area[0], factor), scaled(area[1], factor)];
    for (const one of step.node.outputs) present.set(one, made);
    work += workPerPixel(step.node, facts) * cellsIn(made) * facts.map(output)!.stride ** 2;
  }
  const cuts = walk.cuts.map(({ value, step }) => within(step ? read.get(step)! : cell, present.get(value)!));
  return { entries, bounds: [...entries.values(), ...cuts], work };
}

/** The area that a step reads, so that it can compute `own` of its outputs. It begins and ends with whole cells of the outputs. */
function areaRead({ node, local, maps }: NarrowStep, own: Area, facts: SizedFacts): Area {
  const [input, output] = [facts.map(maps[0]!)!, facts.map(node.outputs[0]!)!];
  const along = (axis: 0 | 1): Interval => {
    const factor = output.stride / input.stride;
    const [start, end] = local.reach[axis](own[axis]);
    const whole = Math.max(1, factor);
    const low = Math.min(start, Math.floor(own[axis][0] * factor));
    const high = Math.max(end, Math.ceil(own[axis][1] * factor));
    const size = facts.size[axis] / input.stride;
    return [Math.max(0, Math.floor(low / whole) * whole), Math.min(size, Math.ceil(high / whole) * whole)];
  };
  return [along(0), along(1)];
}

export function cellsIn([y, x]: Area): number {
  return (y[1] - y[0]) * (x[1] - x[0]);
}

function scaled([start, end]: Interval, factor: number): Interval {
  return [start * factor, end * factor];
}

function within([y, x]: Area, outer: Area): Area {
  const along = ([start, end]: Interval, [origin]: Interval): Interval => [start - origin, end - origin];
  return [along(y, outer[0]), along(x, outer[1])];
}
