import type { DrawnDetection, Map2D, RgbImage, SheetTile } from "@whybox/core";
import type { Detector, ImageSource, LoadOptions } from "../api.js";

/** How pictures are drawn. */
export interface DrawOptions {
  readonly colormap: string;
  readonly opacity: number;
  readonly boxes: boolean;
  readonly crop?: "rest" | "hot";
}

/** How the overlay is drawn. */
export interface OverlayOptions extends DrawOptions {
  readonly detections: readonly DrawnDetection[];
  readonly labels: boolean;
  readonly sideBySide: boolean;
  readonly caption?: string;
}

/** What a batch needs of the rest of Whybox. The command passes the real ones; tests pass their own. */
export interface Services {
  loadDetector(weights: string, options: LoadOptions): Promise<Detector>;
  decodeImage(source: ImageSource, options: { readonly signal?: AbortSignal }): Promise<RgbImage>;
  renderOverlay(image: RgbImage, heatmap: Map2D, options: OverlayOptions): RgbImage;
  renderContactSheet(image: RgbImage, tiles: readonly SheetTile[], options: DrawOptions): RgbImage;
  encodePng(image: RgbImage): Promise<Uint8Array>;
  encodeNpy(map: Map2D): Uint8Array;
  /** Writes the whole file or nothing. What is not whole yet lies in `temporary`, by default beside it. */
  writeFile(path: string, bytes: Uint8Array, temporary?: string): Promise<void>;
}
