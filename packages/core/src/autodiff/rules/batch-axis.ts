import type { VjpContext } from "../rule.js";

/** Refuses many seeds when one of the axes of input 0 is, or may be, axis 0. */
export function batchAxisUntouched(cx: VjpContext, axes: readonly number[]): void {
  const rank = cx.staticDims(cx.input(0))?.length;
  const touched = axes.some((axis) => axis === 0 || (axis < 0 && (rank === undefined || axis + rank === 0)));
  if (touched) cx.refuseManySeeds(`it works along axis 0 (axes [${axes.join(", ")}]), where the seeds are`);
}
