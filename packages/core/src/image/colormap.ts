import { didYouMean, WhyboxError } from "../errors.js";
import { fromSteps } from "./colormaps/color-steps.js";
import { inferno } from "./colormaps/inferno.js";
import { jet } from "./colormaps/jet.js";
import { magma } from "./colormaps/magma.js";
import { turbo } from "./colormaps/turbo.js";
import { viridis } from "./colormaps/viridis.js";

/** Names that `colormap` takes; the first is the default. */
export const colormapNames = ["jet", "turbo", "viridis", "inferno", "magma"] as const;

export type ColormapName = (typeof colormapNames)[number];

const TABLES: Readonly<Record<ColormapName, () => Uint8Array>> = {
  jet,
  turbo: () => fromSteps(turbo),
  viridis: () => fromSteps(viridis),
  inferno: () => fromSteps(inferno),
  magma: () => fromSteps(magma),
};

/**
 * The table of a colour map: 256 colours, `[R, G, B]` interleaved, 768 bytes; index 0 is for 0, 255 for 1.
 * @throws usage for an unknown name, listing the valid ones.
 */
export function colormap(name: string): Uint8Array {
  const known = colormapNames.find((candidate) => candidate === name.toLowerCase());
  if (known !== undefined) return TABLES[known]();
  throw new WhyboxError(
    "usage",
    `There is no colour map "${name}".${didYouMean(name, colormapNames)} Valid ones: ${colormapNames.join(", ")}.`,
    { details: { colormap: name, valid: colormapNames } },
  );
}
