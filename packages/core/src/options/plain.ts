import type { OptionKind, OptionRows, WithDefault } from "./spec.js";

/** The type of an option's value in JSON. */
export type PlainOption<Row, V> = Row extends { readonly kind: "layers" }
  ? "auto" | readonly Exclude<V, readonly unknown[]>[]
  : Row extends { readonly kind: "size" }
    ? readonly [number, number]
    : Row extends { readonly kind: "method" }
      ? string
      : Row extends { readonly kind: "scores" }
        ? readonly string[]
        : Exclude<V, Uint8Array> | (Uint8Array extends V ? "custom" : never);

/** Names of the options whose `inDocument` is `When`. */
export type WithInDocument<Table, When> = {
  [K in keyof Table]: Table[K] extends { readonly inDocument: When } ? K : never;
}[keyof Table];

/** Options as plain data. An option without a value and a default is null. */
export type PlainOptions<Options, Table> = {
  readonly [K in Exclude<keyof Table & keyof Options, WithInDocument<Table, "given" | "never">>]:
    | PlainOption<Table[K], NonNullable<Options[K]>>
    | (K extends WithDefault<Table> ? never : null);
} & {
  readonly [K in WithInDocument<Table, "given"> & keyof Options]?: PlainOption<Table[K], NonNullable<Options[K]>>;
};

/** Converts options to plain data for a document, in the order of the table, with the table's defaults. */
export function plainOptions<Options, const Table extends OptionRows>(
  given: Options & object,
  table: Table,
): PlainOptions<Options, Table> {
  const rows = Object.entries(table).flatMap(([option, row]) => {
    const value = (given as Record<string, unknown>)[option] ?? undefined;
    if (row.inDocument === "never" || (row.inDocument === "given" && value === undefined)) return [];
    return [[option, plainValue(row, value ?? row.default)]];
  });
  return Object.fromEntries(rows);
}

/** An option's value as plain data: a list of layers, a pair for a size, null for undefined. */
export function plainValue({ kind }: OptionKind, value: unknown): unknown {
  if (value === undefined) return null;
  // A table of your own has no name.
  if (value instanceof Uint8Array) return "custom";
  if (kind === "layers") return value === "auto" ? value : [value].flat();
  if (kind === "size") return typeof value === "number" ? [value, value] : value;
  if (kind === "box") {
    const { x1, y1, x2, y2, className } = value as Record<string, unknown>;
    return { x1, y1, x2, y2, className };
  }
  return Array.isArray(value) ? [...value] : value;
}
