import type { Command, Option } from "commander";
import { exitCodeMeanings } from "../../src/cli/exit-codes.js";
import { displayWidth } from "../../src/cli/text.js";

/** docs/cli.md, from the program itself: what the page says and what the command does cannot part. */
export function cliReference(program: Command): string {
  return [
    "# The `whybox` command",
    "",
    "<!-- Generated from the program by packages/node/test/cli/docs.test.ts; do not edit. -->",
    "",
    program.description(),
    ...program.commands
      // Of a command that is only the name of others these are told.
      .flatMap((command) => (command.commands.length === 0 ? [command] : command.commands))
      .flatMap(commandSection),
    ...exitCodeSection(),
    ...conventions,
    "",
  ].join("\n");
}

function commandSection(command: Command): string[] {
  const groups = new Map<string, Option[]>();
  for (const option of command.options.filter(({ hidden }) => !hidden)) {
    const heading = option.helpGroupHeading ?? "Options:";
    groups.set(heading, [...(groups.get(heading) ?? []), option]);
  }
  return [
    "",
    `## \`${fullName(command)} ${command.usage()}\``,
    "",
    command.description(),
    ...[...groups].flatMap(([heading, options]) => [
      "",
      `### ${heading.replace(/:$/, "")}`,
      "",
      ...markdownTable([["option", "what", "default"], ...options.map(optionRow)]),
    ]),
    "",
    ...helpAfter(command),
  ];
}

/** "whybox shard plan". */
function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

function optionRow(option: Option): string[] {
  const standard: unknown = option.defaultValue;
  const shown = standard === undefined ? "" : `\`${[standard].flat().join(" ")}\``;
  return [`\`${option.flags}\``, option.description, shown].map((cell) => cell.replaceAll("|", "\\|"));
}

/** Padded as the formatter pads it, so that the generated page needs no formatting. */
function markdownTable(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, j) => Math.max(...rows.map((row) => displayWidth(row[j]!))));
  const pad = (cell: string, j: number) => cell + " ".repeat(widths[j]! - displayWidth(cell));
  const [header, ...body] = rows.map((row) => `| ${row.map(pad).join(" | ")} |`);
  return [header!, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body];
}

/** The examples and notes that `--help` prints below the options. */
function helpAfter(command: Command): string[] {
  let text = "";
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return ["```text", text.slice(text.indexOf("\nExamples:\n") + "\nExamples:\n".length).trimEnd(), "```"];
}

function exitCodeSection(): string[] {
  const sorted = exitCodeMeanings.toSorted(([a], [b]) => a - b);
  const worstFirst = exitCodeMeanings.map(([code]) => code).join(", ");
  return [
    "",
    "## Exit codes",
    "",
    ...markdownTable([["code", "meaning"], ...sorted.map(([code, meaning]) => [String(code), meaning])]),
    "",
    `With several sources the worst one is returned, in this order: ${worstFirst}.`,
  ];
}

const conventions = [
  "",
  "## What goes where",
  "",
  "- Each picture gets `<stem>.png` (the picture with the heatmap), `<stem>.heatmap.npy` (float32 `[H, W]`, 0..1) and",
  "  `<stem>.json` ([the format](result-json.md)), as `--save` says. All files of a picture are written, or none.",
  "- With `--per detection` each detection gets a picture `<stem>.<index>-<class>.png` and `.npy` of its own (index as on the",
  "  terminal and in the JSON), with `--per class` each class (index as in the model). `<stem>.sheet.png` shows up to 64 of them",
  "  side by side: the whole picture, or the part of it around a small box. The map of `<stem>.png` is then their largest value.",
  "- With `--box` the map is about the box alone, which is drawn dashed with its class and the confidence that the network has in",
  "  it. The detections are drawn beside it, and the terminal says why it is, or is not, one of them.",
  "- Without `--out` every run makes a new folder: `runs/explain/exp`, `exp2`, … With `--out` the folder is used as it is.",
  "- Nothing is overwritten. A second `x` becomes `x-2`, whether the first is of the same run or was there before; names",
  "  that differ only in case count as equal. The JSON and the terminal say which picture became which file.",
  "- Letters of labels grow and shrink with the picture. One with a side under 96 pixels has boxes without labels; names and",
  "  confidences stand in the JSON and on the terminal.",
  "- A picture that cannot be read, and a file that is too large for the system or has a name too long for it, do not stop",
  "  the others. What every picture would meet again does: a wrong option, a model that cannot be explained, a full disk, a",
  "  folder that cannot be written.",
  "- Folders are searched for .jpg, .jpeg, .png, .webp, .avif, .gif, .tif and .tiff, in any case, in natural order, not",
  '  below their first level. Globs (quoted, so that the shell leaves them alone) reach below: `"photos/**/*.jpg"`; they do',
  "  not follow links to folders. A path that exists is never read as a glob. A picture named twice is explained once.",
  "- Results go to stdout; progress, notices and errors to stderr. With `--json` stdout is one JSON document, also when",
  "  pictures fail. A wrong option or a missing argument leaves stdout empty.",
  "- Colours and bars appear on a terminal only; `NO_COLOR` turns colours off.",
  "- Ctrl-C stops cleanly: finished pictures stay, the one in work leaves nothing. A second Ctrl-C ends the process.",
  "- `WHYBOX_DEBUG=1` prints where an error was raised.",
];
