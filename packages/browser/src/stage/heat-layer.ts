import { colormap, drawingOptions, type Map2D } from "@whybox/core";
import { heatImage, mapImage } from "../heat-image.js";
import { part } from "./parts.js";
import type { StageLook } from "./stage-view.js";

type Colour = readonly [red: number, green: number, blue: number];

/** The image below the heat, for its mean colour. */
export type Below = HTMLImageElement | HTMLCanvasElement;

interface Shown {
  readonly heat: Map2D;
  readonly canvas: HTMLCanvasElement;
}

/** A heatmap as colours over an image. Pixels that the crop removes get the image's mean colour, as in the saved file. */
export class HeatLayer {
  readonly element = part("div", "heat", "heats");
  #now: Shown | undefined;
  #before: Shown | undefined;
  #look: StageLook = {};

  constructor() {
    this.element.hidden = true;
    this.element.setAttribute("aria-hidden", "true");
  }

  /** Shows a map, or none. With `fades`, the map before fades out while the next one fades in. */
  show(heat: Map2D | undefined, look: StageLook, options: { readonly fades: boolean; readonly below: Below }): void {
    this.element.hidden = heat === undefined;
    const { opacity } = look;
    this.element.style.opacity = look.crop !== undefined ? "1" : opacity === undefined ? "" : String(opacity);
    const isOther = look.colormap !== this.#look.colormap || look.crop !== this.#look.crop;
    this.#look = look;
    if (heat === undefined) this.#clear();
    else if (this.#now?.heat !== heat) this.#next(heat, options);
    else if (isOther) for (const one of [this.#before, this.#now]) if (one) this.#paint(one, options.below);
  }

  #clear(): void {
    this.#now = undefined;
    this.#before = undefined;
    this.element.replaceChildren();
  }

  #next(heat: Map2D, { fades, below }: { readonly fades: boolean; readonly below: Below }): void {
    const before = this.#now;
    // The canvas of a map that does not fade is used again.
    const canvas = !fades && before ? before.canvas : document.createElement("canvas");
    this.#now = { heat, canvas };
    canvas.className = "heat";
    if (fades) {
      this.#before?.canvas.remove();
      this.#before = before;
      if (before) before.canvas.className = "heat-before";
    }
    this.#paint(this.#now, below);
    if (canvas.parentNode === null) this.element.append(canvas);
  }

  #paint({ heat, canvas }: Shown, below: Below): void {
    const { crop, colormap: name = drawingOptions.colormap.default } = this.#look;
    const pixels = crop === undefined ? heatImage(heat, colormap(name)) : cut(heat, crop, meanColour(below));
    canvas.width = pixels.width;
    canvas.height = pixels.height;
    canvas.getContext("2d")!.putImageData(pixels, 0, 0);
  }
}

function cut(heat: Map2D, keep: "rest" | "hot", [red, green, blue]: Colour): ImageData {
  return mapImage(heat, (value, data, at) => {
    data[at] = red;
    data[at + 1] = green;
    data[at + 2] = blue;
    data[at + 3] = value > 0 === (keep === "rest") ? 255 : 0;
  });
}

/** The mean colour of a small copy of the image. It is visually the same as the mean of all pixels. */
function meanColour(image: Below): Colour {
  const side = 96;
  const small = new OffscreenCanvas(side, side).getContext("2d")!;
  if (image.width === 0) return [128, 128, 128];
  small.imageSmoothingQuality = "high";
  small.drawImage(image, 0, 0, side, side);
  const { data } = small.getImageData(0, 0, side, side);
  const sums = [0, 0, 0];
  for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sums[c]! += data[i + c]!;
  return sums.map((sum) => Math.round((sum * 4) / data.length)) as unknown as Colour;
}
