import { heatImage } from "@whybox/browser";
import { colormap } from "@whybox/core";
import { useEffect } from "preact/hooks";
import { Button } from "./button.js";
import { ImageCanvas } from "./image-canvas.js";
import type { SectionProps } from "./section-props.js";

/** A list of layers to choose from, with a small map of each layer's activations. */
export function LayerStrip({ controller, state }: SectionProps) {
  const { thumbnails, settings } = state;
  useEffect(() => controller.lookAtLayers(), [thumbnails === undefined]);
  if (thumbnails === undefined || thumbnails === "running") return <p class="hint">Reading the layers…</p>;
  if (thumbnails.length === 0) return <p class="hint">The layers are shown when something is detected.</p>;
  return (
    <ul class="strip">
      {thumbnails.map((one) => (
        <li key={one.layer}>
          <Button
            class="thumb"
            aria-pressed={settings.layer === one.layer}
            aria-label={`Layer ${one.layer}`}
            onClick={() => controller.set({ layer: settings.layer === one.layer ? "auto" : one.layer })}
          >
            <ImageCanvas make={() => heatImage(one, colormap("viridis"))} from={[one]} />
            <span>{one.layer}</span>
          </Button>
        </li>
      ))}
    </ul>
  );
}
