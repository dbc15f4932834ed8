import { didYouMean, WhyboxError } from "../errors.js";
import { jet } from "./colormaps/jet.js";
import { stepTables } from "./colormaps/step-tables.js";

/**
 * The names that `colormap` accepts. The first is the default: equal steps of the value are equal steps of lightness, with any colour vision. Its low
 * end is dark, so that an overlay dims the image where there is no heat. Jet is the look of most papers on CAMs, and of the Python reference.
 */
export const colormapNames = ["inferno", "magma", "viridis", "turbo", "jet"] as const;

export type ColormapName = (typeof colormapNames)[number];

/** Colours of your own: 256 colours from no heat to the most, `[R, G, B]` interleaved, 768 bytes. */
export type Colormap = Uint8Array;

/** Length of a table of colours. */
export const COLORMAP_BYTES = 768;

function isColormap(value: unknown): value is Colormap {
  return value instanceof Uint8Array && value.length === COLORMAP_BYTES;
}

const TABLES: Readonly<Record<ColormapName, () => Uint8Array>> = { jet, ...stepTables };

/**
 * Returns the table of a colour map: 256 colours, `[R, G, B]` interleaved, 768 bytes. Index 0 is the value 0, index 255 the value 1.
 * A table is returned as it is.
 * @throws usage for an unknown name, with the valid names, and for a table of another length.
 */
export function colormap(name: ColormapName | Colormap): Colormap {
  if (isColormap(name)) return name;
  if (typeof name !== "string") {
    const found = (name as Uint8Array | undefined)?.length;
    const what = `a table of colours has ${COLORMAP_BYTES} bytes: 256 colours [R, G, B]`;
    throw new WhyboxError(
      "usage",
      `The colour map has ${found ?? "no"} bytes; ${what}. Or name one: ${colormapNames.join(", ")}.`,
    );
  }
  const known = colormapNames.find((candidate) => candidate === (name as string).toLowerCase());
  if (known !== undefined) return TABLES[known]();
  throw new WhyboxError(
    "usage",
    `There is no colour map "${name}".${didYouMean(name, colormapNames)} Valid names: ${colormapNames.join(", ")}.`,
    { details: { colormap: name, valid: colormapNames } },
  );
}
