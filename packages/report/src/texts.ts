/** A share as text, "61 %", with a non-breaking space. */
export function percent(value: number, digits = 0): string {
  return `${(100 * value).toFixed(digits)}\u00a0%`;
}
