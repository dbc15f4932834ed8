import { type Columns, kindNumber, rowFlags, rowKinds } from "../src/format.js";

/** The order and the filters of the list of rows, as texts for the form and the address. */
export interface View {
  readonly kind: string;
  readonly class: string;
  readonly level: string;
  readonly size: string;
  readonly looks: string;
  readonly tag: string;
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly sort: string;
  readonly page: string;
}

export const defaultView: View = {
  ...{ kind: "all", class: "all", level: "all", size: "all", looks: "all", tag: "all" },
  ...{ from: "0", to: "100", text: "", sort: "suspicion", page: "1" },
};

/** COCO's sizes by the area of the box, in pixels (cocodataset.org, "Detection evaluation"). */
export const sizes = [
  ["small", "small: below 32²", 0, 32 ** 2],
  ["medium", "medium: 32² to 96²", 32 ** 2, 96 ** 2],
  ["large", "large: 96² and more", 96 ** 2, Number.POSITIVE_INFINITY],
] as const;

export const looks = [
  ["outside", "hotter outside the box than inside"],
  ["peak", "hottest point outside the box"],
  ["beside", "20 % of the heat or more on another box"],
  ["blind", "an explained layer does not affect it"],
  ["none", "no map with heat"],
] as const;

/** The filters by tag, besides those of one tag. */
export const tagFilters = [
  ["any", "any tag or note"],
  ["none", "no tag"],
] as const;

/** What the filters ask about a row besides its columns. */
export interface RowAnswers {
  /** The name of its image. */
  sourceOf(row: number): string;
  tagsOf(row: number): { readonly tags: readonly string[]; readonly note: string };
}

export const sorts = [
  ["suspicion", "most suspicious first"],
  ["confident", "most confident first"],
  ["doubtful", "least confident first"],
  ["ratio", "lowest heat in the box for its area first"],
  ["large", "largest first"],
  ["small", "smallest first"],
  ["order", "order of the run"],
] as const;

/** The orders of classes of whole images. They have no suspicion, so its order is that of the run. */
export const sortsOfClasses = [
  ["suspicion", "order of the run"],
  ["confident", "most confident first"],
  ["doubtful", "least confident first"],
] as const;

type Key = (row: number) => number;

/** Sorts rows. Each order is sorted once and cached. */
export class Orders {
  readonly #columns: Columns;
  readonly #kept = new Map<string, Uint32Array>();

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  /** All rows in the order with this name. Rows without a value come last. */
  of(sort: string): Uint32Array {
    const kept = this.#kept.get(sort);
    if (kept !== undefined) return kept;
    const rows = Uint32Array.from(this.#columns.score, (_, i) => i);
    const key = keyOf(sort, this.#columns);
    if (key !== undefined) {
      const keys = Float64Array.from(rows, (row) => {
        const value = key(row);
        return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
      });
      rows.sort((a, b) => (keys[a] === keys[b] ? a - b : keys[b]! > keys[a]! ? 1 : -1));
    }
    this.#kept.set(sort, rows);
    return rows;
  }
}

/** The sort key. Larger keys come first. Undefined keeps the order of the run. */
function keyOf(sort: string, columns: Columns): Key | undefined {
  const { score, suspicion } = columns;
  if (sort === "suspicion") return (row) => suspicion[row]!;
  if (sort === "confident") return (row) => score[row]!;
  if (sort === "doubtful") return (row) => -score[row]!;
  if (sort === "ratio") return (row) => -ratioOf(columns, row);
  if (sort === "large") return (row) => areaOf(columns, row);
  if (sort === "small") return (row) => -areaOf(columns, row);
  return undefined;
}

/** Share of the energy in the box divided by the box's share of the area. It is 1 for a uniform map. */
export function ratioOf({ inBox, area }: Columns, row: number): number {
  return area[row]! > 0 ? inBox[row]! / area[row]! : Number.NaN;
}

export function areaOf({ x1, y1, x2, y2 }: Columns, row: number): number {
  return (x2[row]! - x1[row]!) * (y2[row]! - y1[row]!);
}

/** The rows of a view, in its order. */
export function select(view: View, columns: Columns, orders: Orders, answers: RowAnswers): Uint32Array {
  const tests = testsOf(view, columns, answers);
  return orders.of(view.sort).filter((row) => tests.every((test) => test(row)));
}

function testsOf(view: View, columns: Columns, { sourceOf, tagsOf }: RowAnswers): ((row: number) => boolean)[] {
  const tests: ((row: number) => boolean)[] = [];
  const { score, kind, level, flags } = columns;
  if (view.kind === "errors") tests.push((row) => kind[row]! > kindNumber("hit"));
  const wanted = rowKinds.findIndex(({ id }) => id === view.kind);
  if (wanted >= 0) tests.push((row) => kind[row] === wanted);
  if (view.class !== "all") tests.push((row) => columns.class[row] === Number(view.class));
  if (view.level !== "all") tests.push((row) => level[row] === Number(view.level));
  const size = sizes.find(([id]) => id === view.size);
  if (size !== undefined) tests.push((row) => areaOf(columns, row) >= size[2] && areaOf(columns, row) < size[3]);
  const [from, to] = [Number(view.from) / 100, Number(view.to) / 100];
  // A missed object may have no score.
  if (from > 0 || to < 1) tests.push((row) => score[row]! >= from - 1e-6 && score[row]! <= to + 1e-6);
  if (view.looks === "outside") tests.push((row) => ratioOf(columns, row) < 1);
  if (view.looks === "peak") tests.push((row) => has(flags[row]!, "heat") && !has(flags[row]!, "peakInBox"));
  if (view.looks === "beside") tests.push((row) => columns.onBeside[row]! >= 0.2);
  if (view.looks === "blind") tests.push((row) => has(flags[row]!, "blind"));
  if (view.looks === "none") tests.push((row) => !has(flags[row]!, "heat"));
  if (view.tag === "any") tests.push((row) => tagsOf(row).tags.length > 0 || tagsOf(row).note !== "");
  else if (view.tag === "none") tests.push((row) => tagsOf(row).tags.length === 0);
  else if (view.tag !== "all") tests.push((row) => tagsOf(row).tags.includes(view.tag));
  const text = view.text.trim().toLowerCase();
  if (text !== "") tests.push((row) => sourceOf(row).toLowerCase().includes(text));
  return tests;
}

export function has(flags: number, flag: keyof typeof rowFlags): boolean {
  return (flags & rowFlags[flag]) !== 0;
}

/** The settings of a view that differ from the defaults, as the hash of an address. */
export function toHash(view: View): string {
  const given = (Object.keys(defaultView) as (keyof View)[]).filter((name) => view[name] !== defaultView[name]);
  return new URLSearchParams(given.map((name) => [name, view[name]])).toString();
}

/** The view of an address. Unknown names are ignored. Unknown values match nothing and show all rows. */
export function fromHash(hash: string): View {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const entries = Object.entries(defaultView).map(([name, value]) => [name, given.get(name)?.slice(0, 200) ?? value]);
  return Object.fromEntries(entries) as unknown as View;
}
