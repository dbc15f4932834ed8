import { type ClassFacts, grids } from "@whybox/report";

const CELLS = grids.box ** 2;

/** Mean maps around the boxes of each class, in box coordinates. */
export class ClassMaps {
  readonly #sums = new Map<number, { count: number; sum: Float64Array }>();

  /** @param box cells as in `maps.jsonl`. */
  add(classIndex: number, box: Uint8Array): void {
    const entry = this.#sums.get(classIndex) ?? { count: 0, sum: new Float64Array(CELLS) };
    this.#sums.set(classIndex, entry);
    entry.count++;
    for (let i = 0; i < CELLS; i++) entry.sum[i]! += box[i]!;
  }

  facts(): ClassFacts[] {
    return [...this.#sums]
      .sort(([a], [b]) => a - b)
      .map(([number, { count, sum }]) => {
        const max = Math.max(...sum);
        if (max === 0) return { class: number, count, mean: null, context: null };
        const mean = Buffer.from(Uint8Array.from(sum, (value) => Math.round((255 * value) / max))).toString("base64");
        return { class: number, count, mean, context: outside(sum) };
      });
  }
}

/** Share of the energy in the cells around the box. */
function outside(sum: Float64Array): number {
  const side = grids.box;
  const margin = (side - side / grids.context) / 2;
  const isInside = (i: number) => i >= margin && i < side - margin;
  let [all, around] = [0, 0];
  for (let i = 0; i < CELLS; i++) {
    all += sum[i]!;
    if (!isInside(Math.floor(i / side)) || !isInside(i % side)) around += sum[i]!;
  }
  return around / all;
}
