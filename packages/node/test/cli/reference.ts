import type { Command, Option } from "commander";
import { exitCodeMeanings } from "../../src/cli/exit-codes.js";
import { displayWidth } from "../../src/cli/text.js";

/** Generates docs/cli.md from the program, so that the page always matches the command. */
export function cliReference(program: Command): string {
  return [
    "# The `whybox` command",
    "",
    "<!-- Generated from the program by packages/node/test/cli/docs.test.ts; do not edit. -->",
    "",
    program.description(),
    ...program.commands
      // For a command with subcommands, only the subcommands are documented.
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

/** A table with padded cells, like the formatter's, so that the generated page needs no formatting. */
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
    `With several sources, the worst code is returned, in this order: ${worstFirst}.`,
  ];
}

const conventions = [
  "",
  "## What goes where",
  "",
  "- Each image gets `<stem>.png` (the image with the heatmap), `<stem>.heatmap.npy` (float32 `[H, W]`, 0..1) and",
  "  `<stem>.json` ([the format](result-json.md)), as selected by `--save`. Either all files of an image are written, or none.",
  "- Each detection has a map of its own. `<stem>.png` shows all of them: each map is scaled to its own maximum, and each pixel has",
  "  the largest value. So a weak detection is as visible as a strong one. If there are several maps, `<stem>.sheet.png` shows the first",
  "  twelve side by side: on the whole image, or on the part around a small box. `--save maps` also writes an image of each map,",
  "  `<stem>.<index>-<class>.png`, and `--save npy` its values, `<stem>.<index>-<class>.npy`. The index is the one on the terminal and in",
  "  the JSON. With `--per class`, each class has a map, with its index in the model.",
  "- _heat in box, × uniform_ on the terminal is the share of a map's heat inside the box of its detection, and how many times",
  "  that of a uniform map it is. It says where the heat lies, not how faithful the map is ([faithfulness](faithfulness.md)).",
  "- `--per image` makes one map for the sum of all detections, by Grad-CAM, as the Python reference does. Uncertain detections have",
  "  more influence on it than certain ones. `explainFiles` of the library makes this map by default.",
  "- With `--box`, the map explains only this box. The box is drawn dashed, with its class and the network's confidence in it. The",
  "  detections are drawn too, and the terminal says why the box is, or is not, one of them.",
  "- Without `--out`, every run makes a new folder: `runs/explain/exp`, `exp2`, … With `--out`, the folder is used as it is.",
  "- Existing files are never overwritten. A second `x` becomes `x-2`, even if the first one is from an earlier run. Names that",
  "  differ only in case count as equal. The JSON and the terminal show which image became which file.",
  "- Labels scale with the image. An image with a side under 96 pixels has boxes without labels. Its class names and confidences",
  "  are in the JSON and on the terminal.",
  "- A damaged image does not stop the other images. Neither does an output file that is too large for the system or whose name is",
  "  too long. Errors that would affect every image stop the command: an invalid option, a model that cannot be explained, a full",
  "  disk, or a folder that cannot be written.",
  "- Folders are searched for .jpg, .jpeg, .png, .webp, .avif, .gif, .tif and .tiff files, in upper or lower case, in natural",
  '  order, without subfolders. Globs such as `"photos/**/*.jpg"` include subfolders, but do not follow links to folders. Quote',
  "  them, so that the shell does not expand them. An existing path is never read as a glob. An image that is named twice is",
  "  explained once.",
  "- Results go to stdout. Progress, notices and errors go to stderr. With `--json`, stdout is one JSON document, even if images",
  "  fail. After an invalid option or a missing argument, stdout is empty.",
  "- Colours and bars appear only on a terminal. `NO_COLOR` turns colours off, `--quiet` and `--json` turn bars off. An image that takes",
  "  longer than a second has a bar with the runs of its method, and then with its files.",
  "- Ctrl-C stops cleanly, within one batch of a slow method: finished images stay, and the current one leaves no files. A second Ctrl-C ends the process.",
  "- `WHYBOX_DEBUG=1` prints where an error occurred.",
];
