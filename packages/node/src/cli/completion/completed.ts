import type { Command, Option } from "commander";
import { valuesOfFlag } from "../flags.js";

/** What a shell completes after a command. */
export interface CompletedCommand {
  /** Words after `whybox`: ["shard", "plan"]. */
  readonly words: readonly string[];
  readonly summary: string;
  readonly subcommands: readonly CompletedCommand[];
  readonly options: readonly CompletedOption[];
}

export interface CompletedOption {
  /** With the dashes: "--method". */
  readonly flag: string;
  readonly summary: string;
  /** Whether it takes a value. */
  readonly takesValue: boolean;
  /** Whether it takes every following word. */
  readonly isGreedy: boolean;
  /** The values; empty if they are files, numbers or any text. */
  readonly values: readonly string[];
}

/** Reads the declarations of commander. */
export function completedCommands(program: Command): CompletedCommand[] {
  return program.commands.map((command) => completed(command, []));
}

/** All commands with those below them. */
export function flat(commands: readonly CompletedCommand[]): CompletedCommand[] {
  return commands.flatMap((command) => [command, ...flat(command.subcommands)]);
}

function completed(command: Command, above: readonly string[]): CompletedCommand {
  const words = [...above, command.name()];
  return {
    words,
    summary: shortened(command.summary() || command.description()),
    subcommands: command.commands.map((one) => completed(one, words)),
    options: [...command.options.map(completedOption), help],
  };
}

const help: CompletedOption = { flag: "--help", summary: "print help", takesValue: false, isGreedy: false, values: [] };

function completedOption(option: Option): CompletedOption {
  return {
    flag: option.long!,
    summary: shortened(option.description),
    takesValue: option.required,
    isGreedy: option.variadic,
    values: valuesOfFlag(option),
  };
}

/** The first words of a text, in plain characters: it becomes part of a script. */
function shortened(text: string): string {
  const plain = text
    .split(/[:;\n(]/)[0]!
    .replace(/[^\p{L}\p{N} ,.–-]/gu, "")
    .trim();
  return plain.length <= 60 ? plain : `${plain.slice(0, 59).trimEnd()}…`;
}
