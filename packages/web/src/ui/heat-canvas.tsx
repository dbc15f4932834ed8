import { type HeatMap, heatImage, mapImage } from "@whybox/browser";
import { colormap, type Map2D } from "@whybox/core";
import { useRef } from "preact/hooks";
import type { Settings } from "../controller/settings.js";
import { ImageCanvas } from "./image-canvas.js";

type Colour = readonly [red: number, green: number, blue: number];

interface HeatCanvasProps {
  readonly heat: HeatMap;
  readonly settings: Settings;
  /** The photo below, for its mean colour. */
  readonly photo: { readonly current: HTMLImageElement | HTMLCanvasElement | null };
  /** Whether the map before fades out while the next one fades in. Default false. */
  readonly fades?: boolean;
}

/** A heatmap as colours over a photo. Pixels that the crop removes get the photo's mean colour, as in the saved file. */
export function HeatCanvas({
  heat,
  settings: { colormap: name, opacity, crop },
  photo,
  fades = false,
}: HeatCanvasProps) {
  const make = (map: HeatMap) => () =>
    crop === "off" ? heatImage(map, colormap(name)) : cut(map, crop, meanColour(photo.current));
  const look = [name, crop];
  const shown = useRef<Faded>({ heat, before: undefined, count: 0 });
  if (shown.current.heat !== heat) {
    const { heat: before, count } = shown.current;
    shown.current = { heat, before: fades ? before : undefined, count: fades ? count + 1 : count };
  }
  const { before, count } = shown.current;
  return (
    <div class="heats" style={{ opacity: crop === "off" ? opacity : 1 }}>
      {before && <ImageCanvas key={count - 1} class="heat-before" make={make(before)} from={[before, ...look]} />}
      <ImageCanvas key={count} class="heat" make={make(heat)} from={[heat, ...look]} />
    </div>
  );
}

interface Faded {
  readonly heat: HeatMap;
  readonly before: HeatMap | undefined;
  readonly count: number;
}

function cut(heat: Map2D, keep: "rest" | "hot", [red, green, blue]: Colour): ImageData {
  return mapImage(heat, (value, data, at) => {
    data[at] = red;
    data[at + 1] = green;
    data[at + 2] = blue;
    data[at + 3] = value > 0 === (keep === "rest") ? 255 : 0;
  });
}

/** The mean colour of a small copy of the photo. It is visually the same as the mean of all pixels. */
function meanColour(photo: HTMLImageElement | HTMLCanvasElement | null): Colour {
  const side = 96;
  const small = new OffscreenCanvas(side, side).getContext("2d")!;
  if (photo === null || photo.width === 0) return [128, 128, 128];
  small.imageSmoothingQuality = "high";
  small.drawImage(photo, 0, 0, side, side);
  const { data } = small.getImageData(0, 0, side, side);
  const sums = [0, 0, 0];
  for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sums[c]! += data[i + c]!;
  return sums.map((sum) => Math.round((sum * 4) / data.length)) as unknown as Colour;
}
