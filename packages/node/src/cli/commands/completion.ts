import type { Command } from "commander";
import { type CompletedCommand, completedCommands } from "../completion/completed.js";
import type { CliContext } from "../context.js";
import { readWord } from "../option-values.js";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

/** Adds `whybox completion` to the program. */
export function addCompletion(program: Command, context: CliContext): void {
  program
    .command("completion <shell>")
    .summary("print a script that completes commands, options and values in a shell")
    .description(
      "Prints a script for bash, zsh or fish. It completes commands, options, and the values of options, such as methods and\n" +
        "scores. It starts no program. After an update of Whybox, make it anew if it is in a file.",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  source <(whybox completion bash)\n  whybox completion fish > ~/.config/fish/completions/whybox.fish",
    )
    .action(async (word: string) => {
      const shell = readWord({ kind: "choice", choices: shells }, word) as Shell;
      context.stdout.write(await scriptFor(shell, completedCommands(program)));
    });
}

async function scriptFor(shell: Shell, commands: readonly CompletedCommand[]): Promise<string> {
  if (shell === "bash") return (await import("../completion/bash.js")).bashScript(commands);
  if (shell === "zsh") return (await import("../completion/zsh.js")).zshScript(commands);
  return (await import("../completion/fish.js")).fishScript(commands);
}
