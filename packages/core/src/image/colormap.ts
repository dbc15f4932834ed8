import { didYouMean, WhyboxError } from "../errors.js";
import { infernoHex } from "./colormaps/inferno.js";
import { jet } from "./colormaps/jet.js";
import { magmaHex } from "./colormaps/magma.js";
import { turboHex } from "./colormaps/turbo.js";
import { viridisHex } from "./colormaps/viridis.js";

/** Names that `colormap` takes; the first is the default. */
export const colormapNames = ["jet", "turbo", "viridis", "inferno", "magma"] as const;

export type ColormapName = (typeof colormapNames)[number];

const TABLES: Readonly<Record<ColormapName, () => Uint8Array>> = {
  jet,
  turbo: () => fromHex(turboHex),
  viridis: () => fromHex(viridisHex),
  inferno: () => fromHex(infernoHex),
  magma: () => fromHex(magmaHex),
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

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}
