import type sharp from "sharp";

/** Loads sharp on first use: it takes longer to load than all other modules of a command. */
export async function loadSharp(): Promise<typeof sharp> {
  return (await import("sharp")).default;
}
