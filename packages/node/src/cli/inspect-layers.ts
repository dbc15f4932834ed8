import type { ModelReport } from "../api.js";
import { cutText, foldText } from "./fold.js";
import { padded } from "./table.js";
import { displayWidth, printable } from "./text.js";

type Layer = ModelReport["layers"][number];

/** Layers that are alike in what can be differentiated to them. */
interface Group {
  /** "P3 P4", or "none". */
  readonly label: string;
  readonly reason: string | undefined;
  readonly layers: Layer[];
}

const LABEL_COLUMNS = 24;
const GAP = "    ";
/** A shorter beginning of all names is not worth a line. */
const SHORTEST_PREFIX = 12;
const LONGEST_PREFIX = 80;

/**
 * All layers in at most `most` lines of at most `width` columns: those of equal reach together, in the order of the network, as
 * many in a line as there is room for. A layer is its index, or its name where it has none, and its dims.
 */
export function layerLines({ layers, inputSize }: ModelReport, width: number, most: number): string[] {
  const at = inputSize === undefined ? "" : ` (dims at ${inputSize.join("×")})`;
  const names = layers.filter(({ index }) => index === undefined).map(({ name }) => printable(name));
  const prefix = commonPrefix(names.map((name) => name.slice(0, LONGEST_PREFIX)));
  const title = [
    ...foldText(`Layers, by the levels whose boxes have a gradient there${at}`, width, 1),
    ...(prefix === "" ? [] : [`  ${cutText(`names begin with ${prefix}`, width - 2)}`]),
  ];
  const groups = groupsOf(layers);
  const label = Math.max(0, ...groups.map((group) => displayWidth(group.label)));
  const room = width - 2 - label - GAP.length;
  // Numbered layers stand in columns through all groups; of names, those of each group are wide enough.
  const inColumns = layers.every(({ index }) => index !== undefined);
  const cells = cellsOf(layers, prefix, room);
  const lines = groups.flatMap((group) => {
    const own = inColumns
      ? group.layers.map((layer) => cells[layers.indexOf(layer)]!)
      : cellsOf(group.layers, prefix, room);
    const texts = [...grid(own, room), ...(group.reason === undefined ? [] : foldText(group.reason, room, 2))];
    return texts.map((text, i) => `  ${padded(i === 0 ? group.label : "", label)}${GAP}${text}`);
  });
  const shown = most - title.length;
  if (lines.length <= shown) return [...title, ...lines];
  return [...title, ...lines.slice(0, shown - 1), `  … of ${layers.length} layers: --json tells of all`];
}

function groupsOf(layers: readonly Layer[]): Group[] {
  const groups = new Map<string, Group>();
  for (const layer of layers) {
    const reason = layer.differentiable ? undefined : printable(layer.reason ?? "unknown");
    const levels = layer.levels.map((level) => printable(level)).join(" ");
    const label = reason === undefined ? cutText(levels, LABEL_COLUMNS) : "none";
    const key = `${label}\n${reason}`;
    const group = groups.get(key) ?? { label, reason, layers: [] };
    groups.set(key, group);
    group.layers.push(layer);
  }
  return [...groups.values()];
}

/** Name and dims of each layer, all of one width. */
function cellsOf(layers: readonly Layer[], prefix: string, room: number): string[] {
  const dims = layers.map(dimsOf);
  const dimColumns = Math.max(0, ...dims.map(displayWidth));
  const names = layers.map((layer) => nameOf(layer, prefix, room - dimColumns - 2));
  const nameColumns = Math.max(0, ...names.map(displayWidth));
  return layers.map(({ index }, i) => {
    const name = padded(names[i]!, nameColumns, index === undefined ? "left" : "right");
    return `${name}  ${padded(dims[i]!, dimColumns)}`;
  });
}

function grid(cells: readonly string[], room: number): string[] {
  const perLine = Math.max(1, Math.floor((room + GAP.length) / (displayWidth(cells[0]!) + GAP.length)));
  const lines: string[] = [];
  for (let i = 0; i < cells.length; i += perLine) {
    const line = cells.slice(i, i + perLine).join(GAP);
    lines.push(line.trimEnd());
  }
  return lines;
}

function nameOf({ index, name }: Layer, prefix: string, room: number): string {
  return index === undefined ? cutText(printable(name).slice(prefix.length), room, "end") : String(index);
}

/** "256×80×80": channels, height, width of one picture. */
function dimsOf({ dims }: Layer): string {
  if (dims === undefined) return "?";
  return (dims.length === 4 && dims[0] === 1 ? dims.slice(1) : dims).join("×");
}

/** What all names begin with, up to a slash: "" where that is short, or the name alone. */
function commonPrefix(names: readonly string[]): string {
  const [first = "", ...others] = names;
  let length = others.length === 0 ? 0 : first.length;
  for (const name of others) {
    while (!name.startsWith(first.slice(0, length))) length--;
  }
  const prefix = first.slice(0, first.lastIndexOf("/", length - 1) + 1);
  return prefix.length < SHORTEST_PREFIX ? "" : prefix;
}
