import type { OptionTable } from "../options/spec.js";
import { COLORMAP_BYTES, type Colormap, type ColormapName, colormapNames } from "./colormap.js";

/** Options of the drawing of results. */
export interface DrawingOptions {
  /** Colours of the heatmap: a name, or a table of your own (`Colormap`). Default "inferno". */
  readonly colormap?: ColormapName | Colormap;
  /** Opacity of the heatmap over the image: 0 shows only the image, 1 only the heatmap. Default 0.6. */
  readonly opacity?: number;
  /** Draw no boxes. Default false. */
  readonly hideBoxes?: boolean;
  /** Draw no labels. Default false. */
  readonly hideLabels?: boolean;
  /** Draw the image without the heatmap beside the one with it. Default false. */
  readonly sideBySide?: boolean;
  /** Instead of the heatmap, draw the image with its mean colour in place of the hot pixels. Default false. */
  readonly crop?: boolean;
  /** Instead of the heatmap, draw only the hot pixels of the image, the others in its mean colour. Default false. */
  readonly cropKeep?: boolean;
}

/** The drawing options, in the order of result documents. */
export const drawingOptions = {
  colormap: {
    what: "colours of the heatmap",
    kind: "choice",
    table: { bytes: COLORMAP_BYTES, holds: "256 colours, [R, G, B] each" },
    choices: colormapNames,
    default: colormapNames[0],
    group: "Output",
    shown: "name",
  },
  opacity: {
    what: "opacity of the heatmap over the image: 0 shows only the image, 1 only the heatmap",
    kind: "number",
    min: 0,
    max: 1,
    default: 0.6,
    group: "Output",
  },
  hideBoxes: { what: "draw no boxes", kind: "flag", default: false, group: "Output" },
  hideLabels: { what: "draw no labels", kind: "flag", default: false, group: "Output" },
  sideBySide: {
    what: "draw the image without the heatmap beside the one with it",
    kind: "flag",
    default: false,
    group: "Output",
  },
  crop: {
    what: "instead of the heatmap, draw the image with its mean colour in place of the hot pixels",
    kind: "flag",
    default: false,
    group: "Output",
  },
  cropKeep: {
    what: "instead of the heatmap, draw only the hot pixels of the image, the others in its mean colour",
    kind: "flag",
    default: false,
    group: "Output",
  },
} as const satisfies OptionTable<DrawingOptions>;
