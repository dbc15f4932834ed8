import { charactersOf, displayWidth } from "./text.js";

/** Cuts the text to at most `width` columns. Keeps its start or its end and replaces the rest by "…". */
export function cutText(text: string, width: number, keep: "start" | "end" = "start"): string {
  if (text.length <= 4 * width && displayWidth(text) <= width) return text;
  return keep === "start" ? `${startOf(text, width - 1).trimEnd()}…` : `…${endOf(text, width - 1)}`;
}

/** Folds the text into at most `max` lines of at most `width` columns. Breaks at spaces; words longer than a line are split. */
export function foldText(text: string, width: number, max: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (lines.length < max - 1 && displayWidth(rest) > width) {
    const start = startOf(rest, width);
    const space = rest[start.length] === " " ? start.length : start.lastIndexOf(" ");
    lines.push(rest.slice(0, space > 0 ? space : start.length));
    rest = rest.slice(space > 0 ? space + 1 : start.length);
  }
  return [...lines, cutText(rest, width)];
}

function startOf(text: string, width: number): string {
  // Four code units per column are enough, except for many combining marks or long emoji. Then less text is shown.
  return take(charactersOf(text.slice(0, 4 * width + 16)), width).join("");
}

function endOf(text: string, width: number): string {
  return take(charactersOf(text.slice(-4 * width - 16)).reverse(), width)
    .reverse()
    .join("");
}

function take(characters: readonly string[], width: number): string[] {
  let left = width;
  const end = characters.findIndex((character) => {
    left -= displayWidth(character);
    return left < 0;
  });
  return characters.slice(0, end < 0 ? characters.length : end);
}
