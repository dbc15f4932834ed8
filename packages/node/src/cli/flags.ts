import {
  type AnyCamMethod,
  defaultScores,
  type Filled,
  nameOptions,
  type OptionFacts,
  type OptionGroup,
  type OptionKind,
  type OptionRows,
  WhyboxError,
} from "@whybox/core";
import { type Command, Option } from "commander";
import { flagOf, readWords } from "./option-values.js";

const groups: readonly OptionGroup[] = [
  "Sources",
  "Server",
  "What is explained",
  "How it is explained",
  "Detection",
  "Limits",
  "Output",
];

/** Declares a flag, with its aliases, for each row of the table. Flags are listed under the headings of their groups. */
export function declareFlags(command: Command, table: OptionRows, methods: readonly AnyCamMethod[]): Command {
  for (const group of groups) {
    const rows = Object.entries(table).filter(([, row]) => row.group === group && !row.libraryOnly);
    if (rows.length > 0) command.optionsGroup(`${group}:`);
    for (const [name, row] of rows) declareFlag(command, name, row, methods);
  }
  return command;
}

function declareFlag(
  command: Command,
  name: string,
  row: OptionFacts & OptionKind,
  methods: readonly AnyCamMethod[],
): void {
  const { aliases = [] } = row;
  const value = placeholderOf(row);
  const option = new Option(`${flagOf(name)}${value}`, helpOf(row, methods));
  const values = choicesOf(row, methods);
  flagValues.set(option, values);
  if (hasShownDefault(row)) option.default(Array.isArray(row.default) ? row.default : String(row.default));
  command.addOption(option);
  for (const alias of aliases) {
    const other = new Option(`${flagOf(alias)}${value}`).hideHelp();
    flagValues.set(other, values);
    command.addOption(other);
  }
}

const flagValues = new WeakMap<Option, readonly string[]>();

/** The values that a declared option can have, for completion in a shell. Empty if it takes numbers or any text. */
export function valuesOfFlag(option: Option): readonly string[] {
  return flagValues.get(option) ?? [];
}

function choicesOf(row: OptionFacts & OptionKind, methods: readonly AnyCamMethod[]): readonly string[] {
  return row.kind === "choice" ? row.choices : valuesOf(row, methods);
}

function hasShownDefault({ kind, default: value }: OptionFacts & OptionKind): boolean {
  return kind !== "flag" && value !== undefined && !(Array.isArray(value) && value.length === 0);
}

function placeholderOf(row: OptionFacts & OptionKind): string {
  if (row.kind === "flag") return "";
  if (row.shown !== undefined) return ` <${row.shown}>`;
  if (row.kind === "choice") return ` <${row.choices.join("|")}>`;
  if (row.kind === "number") return row.whole ? " <n>" : ` <${row.min}..${row.max}>`;
  return " <text>";
}

/** The help text of an option: its description, its valid values if there are many, its default and its aliases. */
function helpOf(row: OptionFacts & OptionKind, methods: readonly AnyCamMethod[]): string {
  const values = valuesOf(row, methods);
  const named = values.length === 0 ? "" : `: ${values.join(", ")}`;
  const otherwise = row.otherwise === undefined || hasShownDefault(row) ? "" : `; default: ${row.otherwise}`;
  const aliases = row.aliases === undefined ? "" : `; alias: ${row.aliases.map(flagOf).join(", ")}`;
  return `${row.what.replaceAll("`", "")}${named}${otherwise}${aliases}`;
}

function valuesOf(row: OptionFacts & OptionKind, methods: readonly AnyCamMethod[]): readonly string[] {
  if (row.kind === "method") return methods.map(({ id }) => id);
  if (row.kind === "scores") return defaultScores.map(({ id }) => id);
  if (row.kind === "choice" && row.shown !== undefined) return row.choices;
  return row.kind === "list" && row.of.kind === "choice" ? row.of.choices : [];
}

/** The flags of a table that take all following words. */
export function greedyFlags(table: OptionRows): string[] {
  return Object.entries(table).flatMap(([name, { aliases = [], shown = "" }]) =>
    shown.endsWith("...") ? [name, ...aliases].map(flagOf) : [],
  );
}

export interface TypedOptions<Values> {
  /** The values of all options. Options that were not typed have their default. */
  readonly values: Values;
  /** Names of the options that were typed. */
  readonly typed: readonly string[];
  /** Returns the flag of an option as it was typed. */
  flag(option: string): string;
}

/**
 * Reads the typed options that are in the table. A command may declare others beside them; commander refuses unknown ones.
 * @throws usage: names each invalid option, what was found and what was expected.
 */
export function readFlags<Options, const Table extends OptionRows>(
  command: Command,
  table: Table,
  methods: readonly AnyCamMethod[],
): TypedOptions<Filled<Options, Table>> {
  const known = new Set(Object.entries(table).flatMap(([name, { aliases = [] }]) => [name, ...aliases]));
  const isTyped = (name: string) => known.has(name) && command.getOptionValueSource(name) === "cli";
  const words = Object.entries(command.opts()).filter(([name]) => isTyped(name));
  const named = nameOptions(Object.fromEntries(words), table, { show: flagOf });
  const flag = (option: string) => flagOf(named.nameOf(option));
  const problems: string[] = [];
  const values = Object.entries(table).map(([option, row]) => {
    const typed = named.values[option];
    if (typed === undefined) return [option, row.default];
    try {
      return [option, readWords(row, typed, methods)];
    } catch (error) {
      if (!(error instanceof WhyboxError)) throw error;
      problems.push(`${flag(option)}: ${error.message}`);
      return [option, undefined];
    }
  });
  if (problems.length > 0) throw new WhyboxError("usage", problems.join("\n"), { details: { problems } });
  return { values: Object.fromEntries(values), typed: Object.keys(named.values), flag };
}
