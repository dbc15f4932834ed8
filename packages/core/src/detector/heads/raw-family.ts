import type { Value } from "../../onnx/builder.js";
import type { FamilyPreparation } from "../family-preparation.js";
import type { DetectorTask } from "../head.js";
import type { AnchorForm, Anchors } from "./anchors.js";
import type { MapRows } from "./map-rows.js";
import type { Prototypes } from "./prototypes.js";
import type { RawLevel } from "./raw-levels.js";

/** How the maps of a level become prediction rows. */
export interface RawFamily {
  /** The layout, for display. */
  readonly title: string;
  readonly perCell: number;
  readonly classCount: number;
  readonly extraCount: number;
  /** The meaning of the extra columns. Default: none. */
  readonly task?: DetectorTask;
  readonly hasObjectness: boolean;
  /** Tables of anchors that such models use; undefined without anchors. */
  readonly anchors: readonly string[] | undefined;
  /** What is assumed, as it cannot be read from the file. */
  readonly assumed: readonly string[];
  /** Its classes, if they are always the same. */
  readonly familyNames?: readonly string[];
  /** How its authors prepare images. Default: as YOLO. */
  readonly preparation?: FamilyPreparation;
  /** The columns of a level in the common layout: box, objectness, classes, extras. */
  columns(rows: MapRows, level: RawLevel, anchors: Anchors[number], at: number): Value[];
}

/** What is known of the model besides its maps. */
export interface RawFacts {
  readonly expectedClasses: number | undefined;
  /** Number of anchors per cell of the given anchors. */
  readonly givenPerCell: number | undefined;
  /** The decoding that belongs to the given anchors, if they are those of a published model. */
  readonly givenForm: AnchorForm | undefined;
  /** The mask prototypes of the file. */
  readonly prototypes: Prototypes | undefined;
  /** The body of Darknet's detectors. Its activations and first strides tell it. */
  readonly darknet: "yolov2" | "yolov3" | "yolov3-tiny" | "yolov4" | "yolov4-tiny" | undefined;
  readonly metadata: ReadonlyMap<string, string>;
}
