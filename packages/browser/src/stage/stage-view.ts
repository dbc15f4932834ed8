import type { Detection, DrawingOptions, Map2D, MetricBox } from "@whybox/core";
import type { Size } from "./labels.js";

/** A box that cannot be pressed, with its label. */
export interface Mark {
  readonly box: MetricBox;
  readonly label?: string;
  /** A second, lighter part of the label. */
  readonly detail?: string;
  /** Whether the user asked about it. Its lines are dashed then. */
  readonly isAsked?: boolean;
}

/** How heat is drawn. */
export interface StageLook extends Pick<DrawingOptions, "colormap" | "opacity"> {
  /** Instead of the heatmap: the image without its hot pixels, or only those. */
  readonly crop?: "rest" | "hot";
}

/** The hottest pixels of the heat. */
export interface StageRegion {
  /** Their share of all pixels, or of those in `within`. */
  readonly share: number;
  readonly within?: MetricBox | undefined;
  /** What a screen reader says of it. */
  readonly label: string;
}

/** What a stage shows. */
export interface StageView {
  /** URL or file of the image, or a canvas, which is copied. */
  readonly image?: string | Blob | HTMLCanvasElement | undefined;
  readonly alt?: string;
  /** Size of the image in pixels. Without it, there are no boxes. */
  readonly size?: Size | undefined;
  readonly detections?: readonly Detection[];
  /** Indices of the selected detections. */
  readonly selected?: readonly number[];
  readonly heat?: Map2D | undefined;
  readonly look?: StageLook;
  /** Instead of the heat: its hottest pixels with a line around them. The rest of the image is dark. */
  readonly region?: StageRegion | undefined;
  /** Whether a new map fades in while the one before fades out. Default false. */
  readonly fades?: boolean;
  readonly marks?: readonly Mark[];
  /** Whether the user can draw a box by dragging. Default false. */
  readonly isDrawable?: boolean;
  /** The box that was drawn. The user can move it and its corners. */
  readonly drawn?: MetricBox | undefined;
}

/** What the user does on a stage. */
export interface StageEvents {
  /** Presses a detection. `isAdded` with the Shift key. */
  readonly onPress: (detection: Detection, isAdded: boolean) => void;
  /** Points at a detection, or no longer. */
  readonly onHover?: (detection: Detection | undefined) => void;
  /** Draws a box, or moves the drawn one. Called at each move, with undefined at the end. */
  readonly onDrawing?: (box: MetricBox | undefined) => void;
  /** Has drawn a box. */
  readonly onDraw?: (box: MetricBox) => void;
}
