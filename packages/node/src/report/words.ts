/** A number with its words, singular or plural: "1 image is", "2 images are". */
export function counted(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}
