/** A layer in the options: an index into the network's layers (negative from the end), or the name of a node or value. */
export type LayerSelector = number | string;

/** A layer whose activations can be read. */
export interface Layer {
  /** Index in YOLOv5's list of modules; undefined for a value selected by name, and for modules without numbers. */
  readonly index: number | undefined;
  /** Module path ("model.23"), or the name of a node or value. */
  readonly name: string;
  /** The value in the graph. */
  readonly value: string;
}
