/** A share as text, "61 %", with a non-breaking space. */
export function percent(value: number, digits = 0): string {
  return `${(100 * value).toFixed(digits)}\u00a0%`;
}

/** "1 image", "1,234 images". */
export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? singular : plural}`;
}
