import { colormap } from "@whybox/core";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Settings } from "../controller/settings.js";
import type { HeatMap } from "../protocol.js";

/** Pixels of a map on the screen; larger ones are drawn with fewer. */
const MOST_DRAWN = 1_500_000;

interface HeatCanvasProps {
  readonly heat: HeatMap;
  readonly settings: Settings;
}

/** A heatmap as colours over a photo. Where the crop cuts, the page's own ground shows in place of the photo. */
export function HeatCanvas({ heat, settings: { colormap: name, opacity, crop } }: HeatCanvasProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const canvas = ref.current!;
    const step = Math.ceil(Math.sqrt((heat.width * heat.height) / MOST_DRAWN));
    const image = crop === "off" ? colours(heat, colormap(name), step) : cut(heat, crop, step);
    canvas.width = image.width;
    canvas.height = image.height;
    canvas.getContext("2d")!.putImageData(image, 0, 0);
  }, [heat, name, crop]);
  return <canvas ref={ref} class="heat" style={{ opacity: crop === "off" ? opacity : 1 }} />;
}

function colours(heat: HeatMap, table: Uint8Array, step: number): ImageData {
  return drawn(heat, step, (value, data, at) => {
    const level = Math.round(Math.min(Math.max(value, 0), 1) * 255) * 3;
    data[at] = table[level]!;
    data[at + 1] = table[level + 1]!;
    data[at + 2] = table[level + 2]!;
    data[at + 3] = 255;
  });
}

function cut(heat: HeatMap, keep: "rest" | "hot", step: number): ImageData {
  return drawn(heat, step, (value, data, at) => {
    const isHot = value > 0;
    data.fill(128, at, at + 3);
    data[at + 3] = isHot === (keep === "rest") ? 255 : 0;
  });
}

function drawn(
  { width, height, data }: HeatMap,
  step: number,
  put: (value: number, data: Uint8ClampedArray, at: number) => void,
): ImageData {
  const image = new ImageData(Math.ceil(width / step), Math.ceil(height / step));
  for (let y = 0, at = 0; y < height; y += step) {
    for (let x = 0; x < width; x += step, at += 4) put(data[y * width + x]!, image.data, at);
  }
  return image;
}
