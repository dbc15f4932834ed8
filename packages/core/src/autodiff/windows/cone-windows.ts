import { intsAttribute, stringAttribute } from "../../onnx/attributes.js";
import type { Node } from "../../onnx/model.js";
import type { Interval } from "./local-step.js";
import type { SizedFacts } from "./map-facts.js";
import type { NarrowStep, NarrowWalk } from "./narrow-walk.js";
import { workPerPixel } from "./region-cost.js";

/** A window along one axis: its start for an item at a cell of the layer, or for a row at a cell of the roots. It may lie outside the map. */
export interface Span {
  readonly size: number;
  readonly start: (at: number) => number;
}

/** A part of a map: around a cell of the layer, or around the cell of a row. The size is the same for all cells. */
export interface Window {
  readonly of: "cell" | "row";
  readonly spans: readonly [y: Span, x: Span];
}

/** A map that is brought to a window before a node reads it. */
export interface WindowRead {
  readonly value: string;
  readonly origin: string;
  /** The window that the value has. Undefined if it does not depend on the layer. */
  readonly source: Window | undefined;
  readonly window: Window;
  /** The step that reads it. Undefined: a root, read at the cell of the row. */
  readonly step: NarrowStep | undefined;
}

/** The windows of the values between a layer and a root, for one cell of the layer that differs from the others, and one cell of the root. */
export interface ConeWindows {
  readonly reads: readonly WindowRead[];
  /** Multiplications for each cell of the layer, and for each pair of a cell and a row. */
  readonly work: Readonly<Record<Window["of"], number>>;
  /** The cells of the layer that a row at a cell of the roots depends on: y, x. */
  reach(axis: 0 | 1, at: number): Interval;
}

/**
 * Chooses the windows. A cell of the layer changes the values in a cone after it. A row depends on the values in a cone before it. Each value is
 * computed in the smaller of the two. All other values are those of a layer of zeros. Undefined if a step cannot run on windows.
 */
export function coneWindows(walk: NarrowWalk, facts: SizedFacts): ConeWindows | undefined {
  const strideOf = (value: string): number => facts.map(value)!.stride;
  const [layer, root] = [walk.entries[0]!, walk.roots[0]!];
  const coarsest = Math.max(...[...walk.origins.keys()].map(strideOf));
  const rootPlaces = coarsest / strideOf(root);
  const places = coarsest / strideOf(layer);
  const needs = neededWindows(walk, strideOf, rootPlaces);
  const early = beforeEnlarging(walk, strideOf);
  const windows = new Map<string, Window>([[layer, windowOf("cell", () => ({ size: 1, start: (at) => at }))]]);
  const reads: WindowRead[] = [];
  const work = { cell: 0, row: 0 };
  for (const step of walk.steps) {
    const output = step.node.outputs[0]!;
    const sources = step.maps.map((value) => windows.get(walk.origins.get(value)!));
    if (step.cuts) {
      if (!runsOnWindows(step)) return undefined;
      const forward = sources.some((source) => source?.of === "row")
        ? undefined
        : changed(step, sources, { strideOf, places, layer });
      const needed = needs.get(output)!;
      const isForward = forward !== undefined && (early.has(output) || areaOf(forward) < areaOf(needed));
      if (!isForward && early.has(output)) return undefined;
      const own = isForward ? forward : needed;
      windows.set(output, own);
      const window = enlarges(step, strideOf) ? sources[0]! : readBy(step, own);
      // Cells outside the map must be the padding of an op that reads several cells.
      const readsAsIs = step.local.pointwise || enlarges(step, strideOf);
      step.maps.forEach((value, i) => {
        if (!readsAsIs || !isSame(sources[i], window, Math.max(places, rootPlaces)))
          reads.push({ value, origin: walk.origins.get(value)!, source: sources[i], window, step });
      });
    }
    const own = windows.get(walk.origins.get(output)!)!;
    work[own.of] += workPerPixel(step.node, facts) * areaOf(own) * strideOf(output) ** 2;
  }
  const window = windowOf("row", () => ({ size: 1, start: (at) => at }));
  for (const value of walk.roots) {
    const origin = walk.origins.get(value)!;
    reads.push({ value, origin, source: windows.get(origin), window, step: undefined });
  }
  const reach = (axis: 0 | 1, at: number): Interval => {
    const { start, size } = needs.get(layer)!.spans[axis];
    return [start(at), start(at) + size];
  };
  return { reads, work, reach };
}

function windowOf(of: Window["of"], span: (axis: 0 | 1) => Span): Window {
  return { of, spans: [span(0), span(1)] };
}

function areaOf({ spans: [y, x] }: Window): number {
  return y.size * x.size;
}

function isSame(a: Window | undefined, b: Window, places: number): boolean {
  return (
    a?.of === b.of &&
    a.spans.every(({ size, start }, axis) => {
      const other = b.spans[axis]!;
      return (
        size === other.size && Array.from({ length: places }, (_, at) => start(at) === other.start(at)).every(Boolean)
      );
    })
  );
}

/** Whether a step makes a finer map. Each of its input cells makes a block of output cells. */
function enlarges({ node, maps }: NarrowStep, strideOf: (value: string) => number): boolean {
  return strideOf(node.outputs[0]!) < strideOf(maps[0]!);
}

/** The origins up to the outputs of steps that make finer maps. These run on windows around cells, where all places are alike. */
function beforeEnlarging(walk: NarrowWalk, strideOf: (value: string) => number): ReadonlySet<string> {
  const found = new Set<string>();
  for (const step of walk.steps.toReversed()) {
    const output = step.node.outputs[0]!;
    if (enlarges(step, strideOf)) found.add(output);
    if (found.has(walk.origins.get(output)!)) for (const value of step.maps) found.add(walk.origins.get(value)!);
  }
  return found;
}

/** Whether the node computes a window of its outputs from the window that it reads, if its padding is part of the window. */
function runsOnWindows({ node, local, maps }: NarrowStep): boolean {
  const isPlain = (stringAttribute(node, "auto_pad", "NOTSET") || "NOTSET") === "NOTSET";
  const hasNoPads = isPlain && (intsAttribute(node, "pads") ?? []).every((pad) => pad === 0);
  switch (node.opType) {
    case "Conv":
      return true;
    case "MaxPool":
    case "AveragePool":
      return hasNoPads;
    case "Resize":
    case "ConvTranspose": {
      const isBlock = (reach: (cells: Interval) => Interval): boolean => reach([0, 1]).join() === "0,1";
      return (
        maps.length === 1 &&
        isBlock(local.reach[0]) &&
        isBlock(local.reach[1]) &&
        (node.opType === "Resize" || hasNoPads)
      );
    }
    default:
      return local.pointwise;
  }
}

/** The node for windows that include its padding. */
export function withoutPads(node: Node): Node {
  if (node.opType !== "Conv") return node;
  const attributes = new Map([...node.attributes].filter(([name]) => name !== "pads" && name !== "auto_pad"));
  return { ...node, attributes };
}

/** The window that a step reads for a window of its outputs. */
function readBy({ local }: NarrowStep, { of, spans }: Window): Window {
  return windowOf(of, (axis) => {
    const { size, start } = spans[axis];
    const [low, high] = local.reach[axis]([0, size]);
    return { size: high - low, start: (at) => local.reach[axis]([start(at), start(at) + size])[0] };
  });
}

/** The outputs of a step that depend on windows of its inputs. */
function changed(
  step: NarrowStep,
  sources: readonly (Window | undefined)[],
  {
    strideOf,
    places,
    layer,
  }: { readonly strideOf: (value: string) => number; readonly places: number; readonly layer: string },
): Window | undefined {
  const [input, output] = [strideOf(step.maps[0]!), strideOf(step.node.outputs[0]!)];
  const factor = input / output;
  const ratio = strideOf(layer) / output;
  const own = sources.filter((source) => source !== undefined);
  if (own.length === 0) return undefined;
  if (factor > 1) {
    const along = ({ size, start }: Span): Span => ({ size: factor * size, start: (at) => factor * start(at) });
    return windowOf("cell", (axis) => along(own[0]!.spans[axis]));
  }
  return windowOf("cell", (axis) => {
    const [low, high] = step.local.reach[axis]([0, 1]);
    const affected = (at: number): Interval => {
      const start = Math.min(...own.map(({ spans }) => spans[axis].start(at)));
      const end = Math.max(...own.map(({ spans }) => spans[axis].start(at) + spans[axis].size));
      return [Math.floor((start - high) * factor) + 1, Math.ceil((end - low) * factor)];
    };
    // Where a cell of the layer is in a cell of the outputs.
    return evenSpan(
      Array.from({ length: places }, (_, at) => affected(at)),
      ratio,
    );
  });
}

/**
 * One span for all places of an item within a cell of the coarsest map. `ratio`: cells of the map for one step of the item. The start moves with the
 * item, and the size is the largest that any place needs.
 */
function evenSpan(intervals: readonly Interval[], ratio: number): Span {
  const origin = (at: number): number => Math.floor(at * ratio);
  const low = Math.min(...intervals.map(([start], at) => start - origin(at)));
  const high = Math.max(...intervals.map(([, end], at) => end - origin(at)));
  return { size: high - low, start: (at) => origin(at) + low };
}

/** Origin → the window that a row depends on. */
function neededWindows(walk: NarrowWalk, strideOf: (value: string) => number, places: number): Map<string, Window> {
  const needs = new Map<string, readonly [Interval[], Interval[]]>();
  const need = (value: string, of: (axis: 0 | 1, at: number) => Interval): void => {
    const origin = walk.origins.get(value)!;
    const known = needs.get(origin);
    const along = (axis: 0 | 1): Interval[] =>
      Array.from({ length: places }, (_, at) => {
        const [start, end] = of(axis, at);
        const [low, high] = known?.[axis][at] ?? [start, end];
        return [Math.min(low, start), Math.max(high, end)];
      });
    needs.set(origin, [along(0), along(1)]);
  };
  const windows = new Map<string, Window>();
  const close = (origin: string): Window | undefined => {
    const found = needs.get(origin);
    if (found === undefined) return undefined;
    const ratio = strideOf(walk.roots[0]!) / strideOf(origin);
    const window = windowOf("row", (axis) => evenSpan(found[axis], ratio));
    windows.set(origin, window);
    return window;
  };
  for (const value of walk.roots) need(value, (_, at) => [at, at + 1]);
  for (const step of walk.steps.toReversed()) {
    const own = step.cuts ? close(step.node.outputs[0]!) : undefined;
    if (own === undefined) continue;
    for (const value of step.maps)
      need(value, (axis, at) => {
        const { start, size } = own.spans[axis];
        return step.local.reach[axis]([start(at), start(at) + size]);
      });
  }
  close(walk.entries[0]!);
  return windows;
}
