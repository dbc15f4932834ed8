import type { Graph, Node } from "../../onnx/model.js";
import { planDifferentiation, ruleFor } from "../reachability.js";
import type { GradRule } from "../rule.js";
import { ruleTable } from "../rules/index.js";
import { type Area, type Interval, type LocalStep, localStep } from "./local-step.js";
import type { SizedFacts } from "./map-facts.js";
import { costOf } from "./region-cost.js";

/** A value whose gradient is non-zero in a few cells only. */
export interface Root {
  readonly value: string;
  /** Index of its detection level. */
  readonly level: number;
}

export interface RegionRequest {
  readonly taps: readonly string[];
  readonly roots: readonly Root[];
  readonly rules: readonly GradRule[];
  /** Facts at some input size that is large enough to tell maps of different strides apart. */
  readonly facts: SizedFacts;
  /** The largest stride. Windows are multiples of it. */
  readonly block: number;
  /** Possible limits of the extent of a cell's area, in input pixels. The one with the lowest cost is used. */
  readonly limits: readonly number[];
}

/**
 * The part of a backward pass that can run on windows. It begins at the roots. A gradient that is non-zero in one cell of a root is zero
 * outside of a small area at each value of the region.
 */
export interface Region {
  /** All values of the region. */
  readonly values: readonly string[];
  /** Values where the region ends. Their gradients, as far as they come from the region, lead on to the values before it. */
  readonly boundary: readonly string[];
  /** Taps whose whole gradient comes from the region. */
  readonly complete: ReadonlySet<string>;
  /** For each level: the area of every value of the region, for a cell at `[i, i]`, `i = 0 … block / stride − 1`. */
  readonly areas: ReadonlyMap<number, readonly Area[]>;
}

/** A cell of a root, and the areas of the values that depend on it. Positions repeat with each block, so a few cells stand for all. */
interface Probe {
  readonly level: number;
  readonly cell: number;
  readonly cells: Map<string, Area>;
}

/** The nodes that the gradient flows through, and what they read. */
interface Walk {
  /** From the roots to the taps. */
  readonly steps: readonly WalkStep[];
  readonly roots: readonly Root[];
  readonly taps: readonly string[];
  readonly facts: SizedFacts;
  readonly block: number;
}

interface WalkStep {
  readonly node: Node;
  /** Outputs that carry a gradient. */
  readonly outputs: readonly string[];
  /** Inputs that get a gradient. */
  readonly read: readonly string[];
  /** Undefined if the node cannot be in a region. */
  readonly local: LocalStep | undefined;
}

/** Finds the region with the lowest cost. Undefined if it is empty. */
export function findRegion(graph: Graph, request: RegionRequest): Region | undefined {
  const walk = walkFrom(graph, request);
  const isMap = ({ value }: Root): boolean => isRegular(walk, value);
  if (!walk.roots.every(isMap)) return undefined;
  const path = walk.steps.map(({ node }) => node);
  let best: { readonly region: Region; readonly cost: number } | undefined;
  for (const limit of request.limits) {
    const { region, inside } = regionWithin(walk, limit);
    if (inside.size === 0) continue;
    const cost = costOf(path, inside, { ...walk, areas: region.areas.values() });
    if (best === undefined || cost <= best.cost) best = { region, cost };
  }
  return best?.region;
}

function walkFrom(graph: Graph, { taps, roots, rules, facts, block }: RegionRequest): Walk {
  const table = ruleTable(rules);
  const values = roots.map(({ value }) => value);
  const { path, reached } = planDifferentiation(graph, taps, values, table);
  const steps = path.toReversed().map((node): WalkStep => {
    const outputs = node.outputs.filter((output) => reached.has(output));
    const differentiable = ruleFor(node, table)?.differentiable?.(node);
    const read = node.inputs.filter((input, i) => reached.has(input) && (differentiable?.includes(i) ?? true));
    const isLocal = [...outputs, ...read].every((value) => isRegular({ facts, block }, value));
    return { node, outputs, read, local: isLocal ? localStep(node, facts) : undefined };
  });
  return { steps, roots: roots.filter(({ value }) => reached.has(value)), taps, facts, block };
}

/** Whether a value is a map with whole cells in each block. */
function isRegular({ facts, block }: Pick<Walk, "facts" | "block">, value: string): boolean {
  return block % (facts.map(value)?.stride ?? Number.NaN) === 0;
}

function regionWithin(walk: Walk, limit: number): { region: Region; inside: ReadonlySet<Node> } {
  const probes = probesOf(walk);
  const open = new Set(walk.roots.map(({ value }) => value));
  const outside = new Set<string>();
  const inner = new Set<string>();
  const inside = new Set<Node>();
  for (const step of walk.steps) {
    const isComplete = step.outputs.every((output) => open.has(output) && !outside.has(output));
    if (isComplete && grow(probes, step, { facts: walk.facts, limit })) {
      inside.add(step.node);
      for (const output of step.outputs) inner.add(output);
      for (const input of step.read) open.add(input);
    } else {
      for (const input of step.read) outside.add(input);
    }
  }
  const region: Region = {
    values: [...open],
    boundary: [...open].filter((value) => !inner.has(value)),
    complete: new Set(walk.taps.filter((tap) => open.has(tap) && !outside.has(tap))),
    areas: areasOf(probes, walk.facts),
  };
  return { region, inside };
}

function probesOf({ roots, facts, block }: Walk): Probe[] {
  const probes: Probe[] = [];
  for (const level of new Set(roots.map((root) => root.level))) {
    const own = roots.filter((root) => root.level === level).map(({ value }) => value);
    const stride = facts.map(own[0]!)?.stride ?? block;
    for (let cell = 0; cell < block / stride; cell++) {
      const at: Interval = [cell, cell + 1];
      probes.push({ level, cell, cells: new Map(own.map((value) => [value, [at, at]])) });
    }
  }
  return probes;
}

/** Adds the areas of a node's inputs. Returns false, and changes nothing, if the node is not local or an area would be larger than the limit. */
function grow(
  probes: readonly Probe[],
  { outputs, read, local }: WalkStep,
  { facts, limit }: { readonly facts: SizedFacts; readonly limit: number },
): boolean {
  if (local === undefined) return false;
  const grown = probes.map(({ cells }) => {
    let own: Area | undefined;
    for (const output of outputs) own = union(own, cells.get(output));
    const found = own && ([local.reach[0](own[0]), local.reach[1](own[1])] as const);
    return read.map((input) => found && union(cells.get(input), found));
  });
  const fits = (area: Area | undefined, i: number): boolean => {
    const { stride } = facts.map(read[i]!)!;
    return area?.every(([start, end]) => (end - start) * stride <= limit) ?? true;
  };
  if (!grown.every((areas) => areas.every(fits))) return false;
  grown.forEach((areas, p) => {
    areas.forEach((area, i) => {
      if (area !== undefined) probes[p]!.cells.set(read[i]!, area);
    });
  });
  return true;
}

/** The union of the areas of all values, in input pixels. */
function areasOf(probes: readonly Probe[], facts: SizedFacts): Map<number, Area[]> {
  const areas = new Map<number, Area[]>();
  for (const { level, cells } of probes) {
    const inPixels = [...cells].map(([value, area]) => scaled(area, facts.map(value)!.stride));
    areas.set(level, [...(areas.get(level) ?? []), inPixels.reduce((all, area) => union(all, area))]);
  }
  return areas;
}

function scaled([y, x]: Area, stride: number): Area {
  return [
    [y[0] * stride, y[1] * stride],
    [x[0] * stride, x[1] * stride],
  ];
}

/** The smallest area that contains both. */
export function union<A extends Area | undefined>(a: A, b: Area | undefined): Area | A {
  if (a === undefined || b === undefined) return b ?? a;
  const along = (axis: 0 | 1): Interval => [Math.min(a[axis][0], b[axis][0]), Math.max(a[axis][1], b[axis][1])];
  return [along(0), along(1)];
}
