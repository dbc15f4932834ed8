import type { ModuleCall } from "./module-context.js";

/** The last layer of a network: its properties, and how to write it. */
export interface TorchHead {
  /** Input pixels per cell, level by level. Undefined when rows do not belong to cells. */
  readonly strides?: readonly number[];
  /** Anchors `[width, height]` in input pixels, level by level. Undefined when the head has none. */
  readonly anchors?: readonly (readonly (readonly [number, number])[])[];
  /** Metadata that the official export writes in addition to the names and the largest stride. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Writes the nodes and declares the graph's outputs. */
  write(call: ModuleCall): void;
}
