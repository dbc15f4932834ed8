import type { Map2D, Tensor } from "../tensor/tensor.js";

/** All that a method can ask for. Activations and gradients are those of one layer for one explanation, `[C, H, W]`. */
export interface Evidence {
  readonly activations: Tensor;
  /** d score / d activations. */
  readonly gradients: Tensor;
}

/**
 * A CAM method: arithmetic on arrays. It declares what it needs, the planner computes only that, and it returns the raw
 * signed map at layer resolution `[h, w]`. ReLU, scaling and resizing are shared later steps, never part of a method.
 */
export interface CamMethod<K extends keyof Evidence = keyof Evidence> {
  readonly id: string;
  readonly aliases?: readonly string[];
  readonly title: string;
  readonly paper: string;
  readonly needs: readonly K[];
  map(evidence: Pick<Evidence, K>): Map2D | Promise<Map2D>;
}
