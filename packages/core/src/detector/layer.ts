/** A layer as users name it: an index into the network's layers (negative from the end), or a node or value name. */
export type LayerSelector = number | string;

/** A layer that can be tapped. */
export interface Layer {
  /** Index in YOLOv5's list of modules; undefined for a value picked by name, and where modules have no numbers. */
  readonly index: number | undefined;
  /** Module path ("model.23"), or the name of a node or value. */
  readonly name: string;
  /** The value in the graph. */
  readonly value: string;
}
