/** A share as text, "61 %". The space does not break, so the sign stays with its number. */
export function percent(value: number, digits = 0): string {
  return `${(100 * value).toFixed(digits)}\u00a0%`;
}
