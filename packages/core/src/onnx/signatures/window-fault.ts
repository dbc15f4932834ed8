import type { Node } from "../model.js";

/** Operators with a sliding window. */
const WINDOWS = new Set("Conv ConvTranspose ConvInteger QLinearConv MaxPool AveragePool LpPool".split(" "));

/** Largest values of their attributes, far above any network. Rules make a node or a number for each step of a window. */
const MAX_STEPS = 4096;
const MAX_GROUPS = 65_536;
const MAX_TAPS = 2 ** 20;

const LIMITS = { kernel_shape: MAX_STEPS, strides: MAX_STEPS, dilations: MAX_STEPS, group: MAX_GROUPS };

/** The fault of a window that no network has: a size, step or number of groups below 1 or far too large. */
export function windowFault({
  opType,
  attributes,
}: Node): { readonly found: string; readonly expected: string } | undefined {
  if (!WINDOWS.has(opType)) return undefined;
  for (const [name, most] of Object.entries(LIMITS)) {
    const values = numbersOf(attributes.get(name)?.value);
    const wrong = values.find((value) => !(value >= 1 && value <= most));
    if (wrong !== undefined) return { found: `${name} ${wrong}`, expected: `1 to ${most}` };
  }
  const taps = numbersOf(attributes.get("kernel_shape")?.value).reduce((product, size) => product * size, 1);
  return taps > MAX_TAPS ? { found: `a kernel of ${taps} values`, expected: `at most ${MAX_TAPS}` } : undefined;
}

function numbersOf(value: unknown): readonly number[] {
  if (typeof value === "number") return [value];
  return Array.isArray(value) ? value.filter((one) => typeof one === "number") : [];
}
