/** A table of 256 colours with small steps between them: the first colour, `[R, G, B]`, and 255 steps for each channel. */
export interface ColorSteps {
  readonly first: readonly [r: number, g: number, b: number];
  /** One letter per step: `E` is 0, `F` is +1, `D` is −1, and so on. */
  readonly steps: readonly [r: string, g: string, b: string];
}

/** Returns the table as bytes, `[R, G, B]` interleaved. */
export function fromSteps({ first, steps }: ColorSteps): Uint8Array {
  const table = new Uint8Array(3 * 256);
  table.set(first);
  for (let i = 3; i < table.length; i++) {
    table[i] = table[i - 3]! + steps[i % 3]!.charCodeAt(Math.floor(i / 3) - 1) - NO_STEP;
  }
  return table;
}

const NO_STEP = "E".charCodeAt(0);
