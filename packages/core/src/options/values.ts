import { didYouMean, WhyboxError } from "../errors.js";
import { type NamedOptions, nameOptions } from "./names.js";
import type { ChoiceKind, Filled, NumberKind, OptionKind, OptionRows } from "./spec.js";

/** Returns a text that completes the sentence "expected …" for a value of this kind. */
export function expectedOf(kind: OptionKind): string {
  switch (kind.kind) {
    case "number":
      return numberText(kind);
    case "choice":
      return `one of ${kind.choices.join(", ")}`;
    case "flag":
      return "true or false";
    case "text":
      return kind.expected;
    case "method":
      return "a method or the name of one";
    case "scores":
      return "a list of scores or names of scores";
    case "layers":
      return 'a layer index, a layer name, a list of them, or "auto"';
    case "list":
      return `a list, each entry ${expectedOf(kind.of)}`;
    case "size":
      return `${numberText(sideOf(kind.max))}, or two of them: [height, width]`;
    case "box":
      return "a box { x1, y1, x2, y2, className }";
  }
}

/** Returns the kind of one side of a size. */
export function sideOf(max: number): NumberKind {
  return { kind: "number", min: 1, max, whole: true };
}

/** Returns true if a number is within the range. */
export function inRange({ min, max, whole, aboveMin }: NumberKind, value: number): boolean {
  return (aboveMin ? value > min : value >= min) && value <= max && (!whole || Number.isInteger(value));
}

function numberText({ min, max, whole, aboveMin }: NumberKind): string {
  if (aboveMin) return `a number above ${min}, up to ${max}`;
  return `a ${whole ? "whole " : ""}number from ${min} to ${max}`;
}

/**
 * Checks each value and returns the options with the table's defaults.
 * @param besides other allowed names.
 * @throws usage for an invalid value. The message has the option's name as the caller wrote it, the value found and the value expected.
 */
export function readOptions<Options, const Table extends OptionRows>(
  given: Options & object,
  table: Table,
  besides: readonly string[] = [],
): { readonly options: Filled<Options, Table>; readonly named: NamedOptions } {
  const named = nameOptions(given, table, { besides });
  const entries = Object.entries(table).map(([option, spec]) => {
    const value = named.values[option];
    if (value === undefined) return [option, spec.default];
    checkValue(named.nameOf(option), spec, value);
    return [option, value];
  });
  return { options: Object.fromEntries(entries), named };
}

/** Checks a value. @throws usage when the value is not of this kind. */
export function checkValue(name: string, kind: OptionKind, value: unknown): void {
  if (kind.kind === "choice") checkChoice(name, kind, value);
  else if (kind.kind === "scores") checkScores(name, value);
  else if (kind.kind === "layers") checkLayers(name, kind, value);
  else if (kind.kind === "size") checkSize(name, kind, value);
  else if (kind.kind === "list") {
    checkList(name, kind.of, value);
    if (kind.filled && (value as unknown[]).length === 0)
      refuseEmpty(name, "add at least one entry, or omit the option");
  } else if (!fits(kind, value)) refuse(name, kind, value);
}

function fits(
  kind: Extract<OptionKind, { kind: "number" | "flag" | "text" | "method" | "box" }>,
  value: unknown,
): boolean {
  if (kind.kind === "number") return typeof value === "number" && inRange(kind, value);
  if (kind.kind === "flag") return typeof value === "boolean";
  if (kind.kind === "box") return isBox(value);
  return isText(value) || (kind.kind === "method" && isNamed(value, "map"));
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.trim() !== "";
}

/** True for an object with an id and this function: a method or a score. */
function isNamed(value: unknown, does: "map" | "of"): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { id, [does]: call } = value as Record<string, unknown>;
  return isText(id) && typeof call === "function";
}

function checkScores(name: string, value: unknown): void {
  const names = Array.isArray(value) ? value.filter((score) => !isNamed(score, "of")) : value;
  checkList(name, { kind: "text", expected: "the name of a score, or a score" }, names);
}

function checkChoice(name: string, kind: ChoiceKind, value: unknown): void {
  const { table, choices } = kind;
  if (table === undefined || !(value instanceof Uint8Array)) {
    if (!choices.includes(value as string)) refuse(name, kind, value, choices);
  } else if (value.length !== table.bytes) {
    throw new WhyboxError(
      "usage",
      `${name} is a table of ${value.length} bytes; expected ${table.bytes} bytes: ${table.holds}.`,
      { details: { option: name } },
    );
  }
}

/** Checks a list. Callers without TypeScript may pass a single entry instead of a list: the message shows the list. */
function checkList(name: string, of: OptionKind, value: unknown): void {
  if (!Array.isArray(value)) {
    const shown = show(value);
    throw new WhyboxError("usage", `${name} is ${shown}; expected a list: [${shown}].`, { details: { option: name } });
  }
  for (const entry of value) checkValue(name, of, entry);
}

function checkLayers(name: string, kind: OptionKind, value: unknown): void {
  const layers: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (layers.length === 0) refuseEmpty(name, 'add at least one layer, or use "auto"');
  for (const layer of layers) if (typeof layer !== "string" && !Number.isInteger(layer)) refuse(name, kind, layer);
  if (layers.length > 1 && layers.includes("auto")) {
    throw new WhyboxError("usage", `${name} "auto" cannot be combined with other layers. Use it alone.`);
  }
}

function checkSize(name: string, kind: OptionKind & { kind: "size" }, value: unknown): void {
  if (Array.isArray(value) && value.length !== 2) refuse(name, kind, value);
  for (const side of Array.isArray(value) ? value : [value]) checkValue(name, sideOf(kind.max), side);
}

function isBox(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { x1, y1, x2, y2, className } = value as Record<string, unknown>;
  return [x1, y1, x2, y2].every((corner) => typeof corner === "number") && typeof className === "string";
}

function refuseEmpty(name: string, what: string): never {
  throw new WhyboxError("usage", `${name} is an empty list; ${what}.`, { details: { option: name } });
}

function refuse(name: string, kind: OptionKind, value: unknown, choices: readonly string[] = []): never {
  const hint = typeof value === "string" ? didYouMean(value, choices) : "";
  throw new WhyboxError("usage", `${name} is ${show(value)}; expected ${expectedOf(kind)}.${hint}`, {
    details: { option: name, value },
  });
}

/** Formats a value as in code, with at most 80 characters. */
function show(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}
