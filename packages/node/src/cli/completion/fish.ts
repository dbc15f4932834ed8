import { type CompletedCommand, flat } from "./completed.js";

/** A completion script for fish. Files are completed by fish itself. */
export function fishScript(commands: readonly CompletedCommand[]): string {
  const lines = [
    "# Completion of whybox for fish:  whybox completion fish > ~/.config/fish/completions/whybox.fish",
    ...commands.map(
      ({ words: [name], summary }) => `complete -c whybox -n __fish_use_subcommand -f -a ${name} -d '${summary}'`,
    ),
    ...flat(commands).flatMap(linesOf),
  ];
  return `${lines.join("\n")}\n`;
}

function linesOf({ words, subcommands, options }: CompletedCommand): string[] {
  const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
  const names = subcommands.map((one) => one.words.at(-1)).join(" ");
  const below = subcommands.map(
    (one) =>
      `complete -c whybox -n '${seen}; and not __fish_seen_subcommand_from ${names}' -f -a ${one.words.at(-1)} -d '${one.summary}'`,
  );
  const own = subcommands.length > 0 ? `${seen}; and not __fish_seen_subcommand_from ${names}` : seen;
  const flags = options.map(({ flag, summary, takesValue, values }) => {
    const value = values.length > 0 ? ` -x -a '${values.join(" ")}'` : takesValue ? " -r" : "";
    return `complete -c whybox -n '${own}' -l ${flag.slice(2)}${value} -d '${summary}'`;
  });
  return [...below, ...flags];
}
