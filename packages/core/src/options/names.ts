import { didYouMean, WhyboxError } from "../errors.js";
import type { OptionRows } from "./spec.js";

/** Options under their main names, and the names that the caller used. */
export interface NamedOptions {
  readonly values: Readonly<Record<string, unknown>>;
  /** The name that the caller used for an option; the main name when it was not given. */
  nameOf(option: string): string;
}

/** All names of a table's options, aliases included. */
export function namesIn(table: OptionRows): string[] {
  return Object.entries(table).flatMap(([name, { aliases = [] }]) => [name, ...aliases]);
}

/** What `nameOptions` may be told besides the table. */
export interface NameOptions {
  /** Further names that are allowed. They are left out of the values. Default: none. */
  readonly besides?: readonly string[];
  /** How a name is written in messages. Default: as it is. */
  readonly show?: (name: string) => string;
}

/**
 * Options under their main names. Options that are undefined or null count as not given.
 * @throws usage for an unknown name, and for two names of one option with different values.
 */
export function nameOptions(
  given: object,
  table: OptionRows,
  { besides = [], show = (name) => name }: NameOptions = {},
): NamedOptions {
  refuseUnknown(given, [...namesIn(table), ...besides]);
  const values: Record<string, unknown> = {};
  const typed = new Map<string, string>();
  for (const [option, { aliases = [] }] of Object.entries(table)) {
    for (const name of [option, ...aliases]) {
      const value = (given as Record<string, unknown>)[name];
      if (value === undefined || value === null) continue;
      const other = typed.get(option);
      if (other !== undefined && JSON.stringify(values[option]) !== JSON.stringify(value)) {
        throw new WhyboxError(
          "usage",
          `${show(other)} and ${show(name)} are two names of one option and have different values; give one of them.`,
          { details: { option } },
        );
      }
      if (other === undefined) typed.set(option, name);
      values[option] = value;
    }
  }
  return { values, nameOf: (option) => typed.get(option) ?? option };
}

/** @throws usage for a key that is not among the known names, with the nearest one. */
export function refuseUnknown(given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const hint = didYouMean(unknown, known);
  throw new WhyboxError(
    "usage",
    `There is no option "${unknown.slice(0, 64)}".${hint || ` Options: ${known.join(", ")}.`}`,
    { details: { option: unknown } },
  );
}

/** The entries of `given` with one of these names. */
export function pickOptions(given: object, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name)));
}
