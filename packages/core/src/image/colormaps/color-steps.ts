/** A table of 256 colours that change little by little: the first, `[R, G, B]`, and 255 steps for each channel. */
export interface ColorSteps {
  readonly first: readonly [r: number, g: number, b: number];
  /** One letter a step: `E` stays, `F` is one more, `D` one less, and so on. */
  readonly steps: readonly [r: string, g: string, b: string];
}

/** The table as bytes, `[R, G, B]` interleaved. */
export function fromSteps({ first, steps }: ColorSteps): Uint8Array {
  const table = new Uint8Array(3 * 256);
  table.set(first);
  for (let i = 3; i < table.length; i++) {
    table[i] = table[i - 3]! + steps[i % 3]!.charCodeAt(Math.floor(i / 3) - 1) - STAYS;
  }
  return table;
}

const STAYS = "E".charCodeAt(0);
