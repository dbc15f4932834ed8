import type { Map2D, OverlayOptions, RgbImage, SheetOptions, SheetTile } from "@whybox/core";
import type { Detector, LoadOptions } from "../api.js";
import type { DecodeFileOptions } from "../io/decode-image.js";
import type { ImageSource } from "../io/image-source.js";

/** The functions that explaining images depends on. Commands pass the real ones, tests can pass others. */
export interface Services {
  loadDetector(weights: string, options: LoadOptions): Promise<Detector>;
  decodeImage(source: ImageSource, options: DecodeFileOptions): Promise<RgbImage>;
  renderOverlay(image: RgbImage, heatmap: Map2D, options: OverlayOptions): RgbImage;
  renderContactSheet(image: RgbImage, tiles: readonly SheetTile[], options: SheetOptions): RgbImage;
  encodePng(image: RgbImage): Promise<Uint8Array>;
  encodeNpy(map: Map2D): Uint8Array;
  /** Writes a complete file, or none. `temporary` is the folder for the incomplete file, by default the same folder. */
  writeFile(path: string, bytes: Uint8Array, temporary?: string): Promise<void>;
}
