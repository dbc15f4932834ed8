import { intAttr } from "../attributes.js";
import type { TfDim, Translation } from "../translation.js";

/** The part of one axis that a StridedSlice takes. */
export interface SliceEntry {
  readonly axis: number;
  readonly start: number;
  /** 2⁶³ for the end of the axis. */
  readonly end: number;
  readonly step: number;
  /** True when the axis, of size 1, is removed. */
  readonly shrink: boolean;
}

/** The axes that a StridedSlice of a value of `dims` actually slices. Bounds are inputs 1 to 3, masks are attributes. */
export function sliceSpec(cx: Translation, dims: readonly TfDim[]): SliceEntry[] {
  const [begins, ends, steps] = [cx.integers(1), cx.integers(2), cx.integers(3)];
  const mask = (name: string): number => intAttr(cx.node, name, 0);
  const rank = dims.length;
  if (mask("new_axis_mask") !== 0) throw cx.unsupported("it adds axes (new_axis_mask)");
  if (ends.length !== begins.length || steps.length !== begins.length || begins.length > rank + 1) {
    throw cx.unsupported("begin, end and strides differ in length or are longer than the rank");
  }
  const entries: SliceEntry[] = [];
  let axis = 0;
  begins.forEach((begin, i) => {
    const bit = 1 << i;
    if (mask("ellipsis_mask") & bit) {
      axis += rank - (begins.length - 1);
      return;
    }
    const step = steps[i]!;
    if (step < 1) throw cx.unsupported(`stride ${step} is not positive`);
    const shrink = (mask("shrink_axis_mask") & bit) !== 0;
    const start = mask("begin_mask") & bit ? 0 : begin;
    const open = shrink ? start === -1 : (mask("end_mask") & bit) !== 0;
    const end = open ? 2 ** 63 : shrink ? start + 1 : ends[i]!;
    if (start !== 0 || !open || step !== 1 || shrink) entries.push({ axis, start, end, step, shrink });
    axis++;
  });
  if (axis > rank) throw cx.unsupported(`it slices ${axis} axes of a value of rank ${rank}`);
  return entries;
}

/** The size of an axis after slicing. */
export function slicedSize(dim: TfDim, entry: SliceEntry | undefined): TfDim {
  if (entry === undefined || dim === null) return dim;
  const clamp = (bound: number): number => Math.min(Math.max(bound < 0 ? bound + dim : bound, 0), dim);
  return Math.max(0, Math.ceil((clamp(entry.end) - clamp(entry.start)) / entry.step));
}
