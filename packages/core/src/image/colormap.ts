import { didYouMean, WhyboxError } from "../errors.js";
import { fromSteps } from "./colormaps/color-steps.js";
import { inferno } from "./colormaps/inferno.js";
import { jet } from "./colormaps/jet.js";
import { magma } from "./colormaps/magma.js";
import { turbo } from "./colormaps/turbo.js";
import { viridis } from "./colormaps/viridis.js";

/** The names that `colormap` accepts. The first is the default. */
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
 * Returns the table of a colour map: 256 colours, `[R, G, B]` interleaved, 768 bytes. Index 0 is the value 0, index 255 the value 1.
 * @throws usage for an unknown name. The message lists the valid names.
 */
export function colormap(name: string): Uint8Array {
  const known = colormapNames.find((candidate) => candidate === name.toLowerCase());
  if (known !== undefined) return TABLES[known]();
  throw new WhyboxError(
    "usage",
    `There is no colour map "${name}".${didYouMean(name, colormapNames)} Valid names: ${colormapNames.join(", ")}.`,
    { details: { colormap: name, valid: colormapNames } },
  );
}
