import { didYouMean, WhyboxError } from "@whybox/core";
import { type Command, CommanderError } from "commander";
import type { CliContext } from "./context.js";
import { type ExitCode, exitCodeOf, exitCodes } from "./exit-codes.js";
import { explainFlags } from "./explain-options.js";
import { reportFailure } from "./failure.js";
import { greedyFlags } from "./flags.js";
import { commandNames, createProgram } from "./program.js";
import { safeOutput } from "./terminal.js";

/**
 * Runs the command line and returns its exit code. It never throws and never ends the process.
 * @param argv words after `whybox`.
 * @param given the context to run in. By default, it is made from this process.
 */
export async function main(argv: readonly string[], given?: CliContext): Promise<number> {
  if (given !== undefined) return runProgram(argv, given);
  const { withProcessContext } = await import("./process-context.js");
  return withProcessContext((context) => runProgram(argv, context));
}

async function runProgram(argv: readonly string[], given: CliContext): Promise<ExitCode> {
  const [stdout, stderr] = [safeOutput(given.stdout), safeOutput(given.stderr)];
  const context: CliContext = { ...given, stdout, stderr, words: argv };
  let code: ExitCode = exitCodes.ok;
  let program: Command | undefined;
  try {
    const setCode = (result: ExitCode) => {
      code = result;
    };
    program = await createProgram(context, setCode, argv[0]);
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    return handle(error instanceof CommanderError ? usageError(error, argv, program) : error, argv, context);
  }
}

function handle(reported: unknown, argv: readonly string[], context: CliContext): ExitCode {
  reportFailure(reported, context);
  if (exitCodeOf(reported) === exitCodes.usage) context.stderr.write(`See ${helpCommand(argv)}\n`);
  return exitCodeOf(reported);
}

/** Converts an error of commander to a WhyboxError. */
function usageError(error: CommanderError, argv: readonly string[], program: Command | undefined): WhyboxError {
  if (error.code === "commander.help") {
    return new WhyboxError("usage", `No command given. Commands: ${commandNames.join(", ")}.`);
  }
  const message = error.message.replace(/^error: /, "");
  if (error.code === "commander.unknownOption" && program !== undefined) {
    return new WhyboxError("usage", nearestFlag(message, argv, program));
  }
  return new WhyboxError("usage", `${message}${error.code === "commander.missingArgument" ? swallowedHint(argv) : ""}`);
}

/** The message about an unknown option with the nearest one. Commander leaves out hidden options, such as aliases. */
function nearestFlag(message: string, argv: readonly string[], program: Command): string {
  const [unknown = message, typed = ""] = /^unknown option '([^'=]*).*?'/.exec(message) ?? [];
  let command = program;
  for (const word of argv) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) break;
    command = next;
  }
  const known = [...command.options.flatMap(({ long }) => long ?? []), "--help"];
  return `${unknown}.${didYouMean(typed, known)}`;
}

/** Options with several values also take the sources after them. The message "missing argument" does not show that. */
function swallowedHint(argv: readonly string[]): string {
  const greedy = argv.find((word) => greedyFlags(explainFlags).includes(word));
  return greedy === undefined ? "" : `\n${greedy} takes every word after it. Put sources before it, or after "--".`;
}

function helpCommand(argv: readonly string[]): string {
  const command = commandNames.find((name) => name === argv[0]);
  return `whybox ${command === undefined ? "" : `${command} `}--help`;
}
