/** More images than all steps take. */
export const MAX_IMAGES = 260;
/** Shares of the area of the box that are changed. */
export const SHARES: readonly number[] = [0.12, 0.3, 0.6];
/** Number of forward and backward passes for the gradients along a path: of insertion and of deletion. */
export const PATH_PASSES = 2 * SHARES.length;
