import { colormap } from "@whybox/core";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Thumbnail } from "../protocol.js";
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
          <button
            type="button"
            class="thumb"
            aria-pressed={settings.layer === one.layer}
            aria-label={`Layer ${one.layer}`}
            onClick={() => controller.set({ layer: settings.layer === one.layer ? "auto" : one.layer })}
          >
            <Preview map={one} />
            <span>{one.layer}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Preview({ map }: { readonly map: Thumbnail }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const image = new ImageData(map.width, map.height);
    const table = colormap("viridis");
    map.data.forEach((value, i) => {
      const level = Math.round(value * 255) * 3;
      image.data.set([table[level]!, table[level + 1]!, table[level + 2]!, 255], i * 4);
    });
    ref.current!.getContext("2d")!.putImageData(image, 0, 0);
  }, [map]);
  return <canvas ref={ref} width={map.width} height={map.height} />;
}
