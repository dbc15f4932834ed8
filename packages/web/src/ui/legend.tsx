import { heatImage } from "@whybox/browser";
import { type ColormapName, colormap } from "@whybox/core";
import { ImageCanvas } from "./image-canvas.js";

const SCALE = { width: 256, height: 1, data: Float32Array.from({ length: 256 }, (_, i) => i / 255) };

/** The colour scale, from low to high heat. */
export function Legend({ name }: { readonly name: ColormapName }) {
  return (
    <div class="legend" role="img" aria-label="Colour scale from low to high heat">
      <span>low</span>
      <ImageCanvas make={() => heatImage(SCALE, colormap(name))} from={[name]} />
      <span>high</span>
    </div>
  );
}
