import type { Graph, Node } from "../../onnx/model.js";
import { planDifferentiation, ruleFor } from "../reachability.js";
import type { GradRule } from "../rule.js";
import { ruleTable } from "../rules/index.js";
import { type Interval, type LocalStep, localStep } from "./local-step.js";
import type { SizedFacts } from "./map-facts.js";

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
  /** Maximum extent of the support of one cell, in input pixels. */
  readonly limit: number;
}

/** Input pixels along both axes. */
export type Area = readonly [y: Interval, x: Interval];

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

/** Finds the region. Undefined if it is empty. */
export function findRegion(graph: Graph, request: RegionRequest): Region | undefined {
  const { taps, facts, block } = request;
  const table = ruleTable(request.rules);
  const values = request.roots.map(({ value }) => value);
  const { path, reached } = planDifferentiation(graph, taps, values, table);
  const isMap = (value: string): boolean => block % (facts.map(value)?.stride ?? Number.NaN) === 0;
  const roots = request.roots.filter(({ value }) => reached.has(value));
  if (!roots.every(({ value }) => isMap(value))) return undefined;
  const probes = probesOf({ ...request, roots });
  const open = new Set(roots.map(({ value }) => value));
  const outside = new Set<string>();
  const inner = new Set<string>();
  for (const node of path.toReversed()) {
    const outputs = node.outputs.filter((output) => reached.has(output));
    const differentiable = ruleFor(node, table)?.differentiable?.(node);
    const read = node.inputs.filter((input, i) => reached.has(input) && (differentiable?.includes(i) ?? true));
    const isInside = outputs.every((output) => open.has(output) && !outside.has(output)) && read.every(isMap);
    const step = isInside ? localStep(node, facts) : undefined;
    if (step !== undefined && grow(probes, node, { step, outputs, read, request })) {
      for (const output of outputs) inner.add(output);
      for (const input of read) open.add(input);
    } else {
      for (const input of read) outside.add(input);
    }
  }
  if (inner.size === 0) return undefined;
  return {
    values: [...open],
    boundary: [...open].filter((value) => !inner.has(value)),
    complete: new Set(taps.filter((tap) => open.has(tap) && !outside.has(tap))),
    areas: areasOf(probes, facts),
  };
}

function probesOf({ roots, facts, block }: RegionRequest): Probe[] {
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

interface Growth {
  readonly step: LocalStep;
  readonly outputs: readonly string[];
  readonly read: readonly string[];
  readonly request: RegionRequest;
}

/** Adds the areas of a node's inputs. Returns false, and changes nothing, if one would be larger than the limit. */
function grow(probes: readonly Probe[], node: Node, { step, outputs, read, request }: Growth): boolean {
  const { facts, limit } = request;
  const grown = probes.map(({ cells }) => {
    let own: Area | undefined;
    for (const output of outputs) own = union(own, cells.get(output));
    const found = own && ([step.reach[0](own[0]), step.reach[1](own[1])] as const);
    return read.map((input) => found && union(cells.get(input), found));
  });
  const fits = (area: Area | undefined, i: number): boolean => {
    const { stride } = facts.map(read[i]!)!;
    return area?.every(([start, end]) => (end - start) * stride <= limit) ?? true;
  };
  if (!grown.every((areas) => areas.every(fits)) || node.outputs.length === 0) return false;
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
