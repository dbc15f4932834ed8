import { WhyboxError } from "../../errors.js";
import { type AttributeLiteral, intAttribute, intsAttribute, stringAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { VjpContext } from "../rule.js";
import { join, type PaddedAxes, padBy, part, range, spatialSizes } from "./axes.js";

/** Padding before and after, one entry for each spatial axis. */
export interface Pads {
  readonly begin: readonly number[];
  readonly end: readonly number[];
}

/** The sliding window of a Conv or a pool, one entry for each spatial axis. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Undefined for a strided `auto_pad` SAME, whose padding depends on the input's size. */
  readonly pads: Pads | undefined;
  readonly autoPad: string;
}

/**
 * The window that the node's attributes describe, with all defaults filled in.
 * @throws bad-input when an attribute has a wrong length or value; no-gradient when the kernel's size is nowhere stated.
 */
export function windowOf(cx: VjpContext, weight?: number): Window {
  const { node } = cx;
  const kernel =
    intsAttribute(node, "kernel_shape") ?? (weight === undefined ? undefined : cx.constant(weight)?.dims.slice(2));
  if (kernel === undefined) {
    throw new WhyboxError(
      "no-gradient",
      `Node "${node.name}" (${node.opType}) states no kernel_shape and its weight is computed: its gradient needs a kernel of known size. ` +
        "Export the model with constant weights, or use a gradient-free method.",
      { details: { node: node.name, op: node.opType } },
    );
  }
  const rank = kernel.length;
  const list = (name: string, fallback: readonly number[], least: number): readonly number[] =>
    checked(cx, name, intsAttribute(node, name) ?? fallback, fallback.length, least);
  const ones = kernel.map(() => 1);
  const strides = list("strides", ones, 1);
  const dilations = list("dilations", ones, 1);
  checked(cx, "kernel_shape", kernel, rank, 1);
  const pads = list("pads", [...kernel, ...kernel].fill(0), 0);
  const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
  const written = { begin: pads.slice(0, rank), end: pads.slice(rank) };
  return { kernel, strides, dilations, autoPad, pads: knownPads(autoPad, written, { kernel, strides, dilations }) };
}

/** The extent of a window minus one: dilation · (kernel − 1) along each axis. */
export function reach(window: Pick<Window, "kernel" | "dilations">): number[] {
  return window.kernel.map((k, i) => window.dilations[i]! * (k - 1));
}

/** 2, 3, … : the spatial axes. */
export function spatialAxes(window: Pick<Window, "kernel">): PaddedAxes & { readonly rank: number } {
  const rank = 2 + window.kernel.length;
  return { axes: range(2, rank), rank };
}

/**
 * Padding before the first spatial entries, as an int64 vector. For `auto_pad` SAME: half of
 * max(0, (out − 1) · stride + reach + 1 − in), with an odd entry after (SAME_UPPER) or before (SAME_LOWER).
 */
export function beginPads(cx: VjpContext, window: Window, x: Value, g: Value): Value {
  const { build } = cx;
  if (window.pads !== undefined) return build.ints(window.pads.begin);
  const missing = cx.op("Sub", [covered(cx, window, g), part(cx, cx.shape(x), 2)]);
  const total = cx.op("Max", [missing, build.ints([0])]);
  const half = cx.op("Div", [total, build.ints([2])]);
  return window.autoPad === "SAME_LOWER" ? cx.op("Sub", [total, half]) : half;
}

/** Number of entries that all windows together cover: (out − 1) · stride + reach + 1, as an int64 vector. */
export function covered(cx: VjpContext, window: Window, g: Value): Value {
  const { build } = cx;
  const steps = cx.op("Mul", [cx.op("Sub", [spatialSizes(cx, g), build.ints([1])]), build.ints(window.strides)]);
  return cx.op("Add", [steps, build.ints(reach(window).map((r) => r + 1))]);
}

/**
 * Crops (or pads with zeros) `full`, which all windows cover, to the size of the forward input `x`:
 * removes the padding before, and any excess after.
 */
export function cutToInput(cx: VjpContext, window: Window, full: Value, x: Value, begin: Value): Value {
  const end = cx.op("Sub", [cx.op("Add", [part(cx, cx.shape(x), 2), begin]), spatialSizes(cx, full)]);
  return padBy(cx, full, cx.op("Neg", [begin]), end, spatialAxes(window));
}

/** Reshapes to a batch of single channels, [N·C, 1, …], so that a kernel for one channel works for any number of them. */
export function channelsToBatch(cx: VjpContext, value: Value): Value {
  return cx.op("Reshape", [value, join(cx, cx.build.ints([-1, 1]), spatialSizes(cx, value))]);
}

/**
 * The window as a chain of windows along one axis each, the last axis first: pooling along them one by one gives the same
 * maxima, and the first maximum of a stage's window in that order is the first in row-major order.
 */
export function alongAxes(window: Window): Window[] {
  return window.kernel.map((_, axis) => oneAxis(window, axis)).reverse();
}

function oneAxis(window: Window, axis: number): Window {
  const only = (values: readonly number[], other: number): number[] => values.map((v, i) => (i === axis ? v : other));
  const { pads } = window;
  return {
    kernel: only(window.kernel, 1),
    strides: only(window.strides, 1),
    dilations: only(window.dilations, 1),
    pads: pads && { begin: only(pads.begin, 0), end: only(pads.end, 0) },
    autoPad: window.autoPad,
  };
}

/** Attributes of a pool like the node over `window`, with all defaults written out. */
export function poolOnce(cx: VjpContext, window: Window): Record<string, AttributeLiteral> {
  const { kernel, strides, dilations, pads, autoPad } = window;
  const padding = pads ? { pads: [...pads.begin, ...pads.end] } : { auto_pad: autoPad };
  return { kernel_shape: kernel, strides, dilations, ...padding, ceil_mode: intAttribute(cx.node, "ceil_mode", 0) };
}

function knownPads(
  autoPad: string,
  written: Pads,
  window: Pick<Window, "kernel" | "strides" | "dilations">,
): Pads | undefined {
  if (autoPad === "VALID") return { begin: written.begin.map(() => 0), end: written.end.map(() => 0) };
  if (autoPad !== "SAME_UPPER" && autoPad !== "SAME_LOWER") return written;
  if (window.strides.some((stride) => stride !== 1)) return undefined;
  const small = reach(window).map((r) => Math.floor(r / 2));
  const large = reach(window).map((r) => Math.ceil(r / 2));
  return autoPad === "SAME_UPPER" ? { begin: small, end: large } : { begin: large, end: small };
}

function checked(
  cx: VjpContext,
  name: string,
  values: readonly number[],
  length: number,
  least: number,
): readonly number[] {
  if (values.length === length && values.every((value) => value >= least)) return values;
  const { node } = cx;
  throw new WhyboxError(
    "bad-input",
    `Node "${node.name}" (${node.opType}): ${name} is [${values.slice(0, 16).join(", ")}], expected ${length} values of at least ${least}. ` +
      "The model file is broken; export it again.",
    { details: { node: node.name, op: node.opType, attribute: name } },
  );
}
