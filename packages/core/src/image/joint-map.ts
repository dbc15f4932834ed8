import { WhyboxError } from "../errors.js";
import { rangeOf } from "../kernels/range.js";
import type { Map2D } from "../tensor/tensor.js";

/**
 * Joins the maps of several detections to one map of the image: each map is scaled to its own maximum, and the result has the largest value at
 * each pixel. So the heat of a weak detection is as visible as that of a strong one. Maps without positive values add nothing, and NaN counts as 0.
 * @param maps maps of the same size, at least one. Each is read once, and none is changed.
 * @throws usage when there is no map, or when their sizes differ.
 */
export function jointMap(maps: Iterable<Map2D>): Map2D {
  let joint: Map2D | undefined;
  for (const map of maps) {
    const { height, width, data } = map;
    joint ??= { height, width, data: new Float32Array(data.length) };
    if (joint.height !== height || joint.width !== width) {
      throw new WhyboxError(
        "usage",
        `The maps to join have different sizes: ${joint.width} × ${joint.height} and ${width} × ${height}. Expected maps of one image.`,
      );
    }
    const { high } = rangeOf(data);
    if (high > 0) raise(joint.data, data, high);
  }
  if (joint === undefined) throw new WhyboxError("usage", "There is no map to join. Expected at least one.");
  return joint;
}

/** Raises each value of `target` to that of `values`, divided by `divisor`, where that is larger. NaN is ignored. */
export function raise(target: Float32Array, values: Float32Array, divisor = 1): void {
  for (let i = 0; i < target.length; i++) {
    const value = values[i]! / divisor;
    if (value > target[i]!) target[i] = value;
  }
}
