import { didYouMean, WhyboxError } from "../errors.js";
import type { OptionRows } from "./spec.js";

/** Options by their main names, and the names that the caller used. */
export interface NamedOptions {
  readonly values: Readonly<Record<string, unknown>>;
  /** Returns the name that the caller used for an option. Returns the main name if the option is missing. */
  nameOf(option: string): string;
}

/** Returns all names of a table's options, including aliases. */
export function namesIn(table: OptionRows): string[] {
  return Object.entries(table).flatMap(([name, { aliases = [] }]) => [name, ...aliases]);
}

/** Options of `nameOptions`. */
export interface NameOptions {
  /** Other allowed names. They are not copied to the values. Default: none. */
  readonly besides?: readonly string[];
  /** Formats a name for messages. Default: the name itself. */
  readonly show?: (name: string) => string;
}

/**
 * Returns options by their main names. Options that are undefined or null count as missing.
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
          `${show(other)} and ${show(name)} are two names of the same option, but have different values. Use only one of them.`,
          { details: { option } },
        );
      }
      if (other === undefined) typed.set(option, name);
      values[option] = value;
    }
  }
  return { values, nameOf: (option) => typed.get(option) ?? option };
}

/**
 * Checks the names of options.
 * @param prefix text before the name in the message: "input." for the options in `input`.
 * @throws usage for an unknown name. The message suggests the most similar known name.
 */
export function refuseUnknown(given: object, known: readonly string[], prefix = ""): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const hint = didYouMean(unknown, known);
  throw new WhyboxError(
    "usage",
    `There is no option "${prefix}${unknown.slice(0, 64)}".${hint || ` Options: ${known.join(", ")}.`}`,
    { details: { option: unknown } },
  );
}

/** Returns the entries of `given` with one of these names. */
export function pickOptions(given: object, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name)));
}
