/** "1 picture is", "2 pictures are": the number with the words for one or for many. */
export function counted(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}
