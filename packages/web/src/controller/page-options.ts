import {
  detectOptions,
  type ExplainOptions,
  explainOptions,
  inRange,
  type OptionFacts,
  type OptionKind,
  type OptionRows,
} from "@whybox/core";

/** Names of the options that have a control of the page: those with `page` in the table of options. */
export type PageOption = {
  [K in keyof typeof explainOptions]: (typeof explainOptions)[K] extends { readonly page: unknown } ? K : never;
}[keyof typeof explainOptions];

/** The settings of these options. */
export type PageValues = { readonly [K in PageOption]: NonNullable<ExplainOptions[K]> };

const rows: OptionRows = explainOptions;

/** The options with a control, in the order of the table. */
export const pageOptions = Object.keys(rows).filter((name) => rows[name]!.page !== undefined) as PageOption[];

/** The options whose change needs another detection; the others need another map. */
export const isOfDetection = (name: PageOption): boolean => name in detectOptions;

export function rowOf(name: PageOption): OptionFacts & OptionKind {
  return rows[name]!;
}

export const pageDefaults = valuesOf((name) => rowOf(name).default);

/** Settings of the options, each from its name. */
export function valuesOf(value: (name: PageOption) => unknown): PageValues {
  return Object.fromEntries(pageOptions.map((name) => [name, value(name)])) as unknown as PageValues;
}

/** The value of an option in a link; undefined where it does not fit. */
export function readPageOption(name: PageOption, text: string): unknown {
  const row = rowOf(name);
  if (row.kind === "flag") return text === "true" ? true : text === "false" ? false : undefined;
  if (row.kind === "choice") return row.choices.find((choice) => choice === text);
  return row.kind === "number" && text.trim() !== "" && inRange(row, Number(text)) ? Number(text) : undefined;
}

/** The options that differ from their defaults, as a request takes them. */
export function changedOptions(settings: PageValues, names: readonly PageOption[]): Partial<PageValues> {
  const changed = names.filter((name) => settings[name] !== rowOf(name).default);
  return Object.fromEntries(changed.map((name) => [name, settings[name]]));
}
