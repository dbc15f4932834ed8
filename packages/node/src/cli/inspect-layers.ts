import { printable } from "@whybox/core";
import type { ModelReport } from "../api.js";
import { cutText, foldText } from "./fold.js";
import { padded } from "./table.js";
import { displayWidth } from "./text.js";

type Layer = ModelReport["layers"][number];

/** Layers with a gradient from the same levels, or without one for the same reason. */
interface Group {
  /** "P3 P4", or "none". */
  readonly label: string;
  readonly reason: string | undefined;
  readonly layers: Layer[];
}

const LABEL_COLUMNS = 24;
const GAP = "    ";
/** A shorter common prefix is not shown: it saves less than its line costs. */
const SHORTEST_PREFIX = 12;
const LONGEST_PREFIX = 80;

/**
 * Lists the layers in at most `max` lines of at most `width` columns, as many in a line as fit. Layers with a gradient from the same
 * levels are grouped, in the order of the network. A layer is shown as its index and dims, or as its name and dims if it has no index.
 */
export function layerLines({ head, layers, inputSize }: ModelReport, width: number, max: number): string[] {
  const at = inputSize === undefined ? "" : ` (dims at ${inputSize.join("×")})`;
  const names = layers.filter(({ index }) => index === undefined).map(({ name }) => printable(name));
  const prefix = commonPrefix(names.map((name) => name.slice(0, LONGEST_PREFIX)));
  const title = [
    ...foldText(
      `${head.task === "classify" ? "Layers" : "Layers, by the levels whose boxes have a gradient there"}${at}`,
      width,
      1,
    ),
    ...(prefix === "" ? [] : [`  ${cutText(`names begin with ${prefix}`, width - 2)}`]),
  ];
  const groups = groupsOf(layers);
  const label = Math.max(0, ...groups.map((group) => displayWidth(group.label)));
  const room = width - 2 - label - GAP.length;
  // Numbered layers share their columns across all groups. Names get the column width of their own group.
  const inColumns = layers.every(({ index }) => index !== undefined);
  const cells = cellsOf(layers, prefix, room);
  const lines = groups.flatMap((group) => {
    const own = inColumns
      ? group.layers.map((layer) => cells[layers.indexOf(layer)]!)
      : cellsOf(group.layers, prefix, room);
    const texts = [...grid(own, room), ...(group.reason === undefined ? [] : foldText(group.reason, room, 2))];
    return texts.map((text, i) => `  ${padded(i === 0 ? group.label : "", label)}${GAP}${text}`);
  });
  const shown = max - title.length;
  if (lines.length <= shown) return [...title, ...lines];
  return [...title, ...lines.slice(0, shown - 1), `  … ${layers.length} layers in total, all listed by --json`];
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

/** Name and dims of each layer, padded to the same width. */
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

/** "256×80×80": channels, height and width for one image. */
function dimsOf({ dims }: Layer): string {
  if (dims === undefined) return "?";
  return (dims.length === 4 && dims[0] === 1 ? dims.slice(1) : dims).join("×");
}

/** The common prefix of all names, up to a slash; "" if it is short, or if there is only one name. */
function commonPrefix(names: readonly string[]): string {
  const [first = "", ...others] = names;
  let length = others.length === 0 ? 0 : first.length;
  for (const name of others) {
    while (!name.startsWith(first.slice(0, length))) length--;
  }
  const prefix = first.slice(0, first.lastIndexOf("/", length - 1) + 1);
  return prefix.length < SHORTEST_PREFIX ? "" : prefix;
}
