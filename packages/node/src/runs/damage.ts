import { shown, WhyboxError } from "@whybox/core";
import type { z } from "zod";

/** Most characters of a damaged line in a message. */
const MAX_FOUND = 60;

/**
 * The error of a damaged file of a run. It names the place and what was found, and how to keep what is whole.
 * @param where The path of the file, and the line.
 */
export function damagedRun(where: string, found: string, folder: string): WhyboxError {
  return new WhyboxError("bad-input", `${where} is damaged: ${found}. ${repairRemedy(folder)}`, {
    details: { where, found, folder },
  });
}

/** The sentence that says how to repair the run in a folder. */
export function repairRemedy(folder: string): string {
  return `Keep what is whole and explain the rest again: ${repairCommand(folder)}`;
}

/** The command that repairs a run, or the shard of a run. */
function repairCommand(folder: string): string {
  const [, run, index] = /^(.*)[/\\]shards[/\\](\d{5,})$/.exec(folder) ?? [];
  return run === undefined
    ? `whybox run --resume --repair --out ${folder}`
    : `whybox shard run ${run} ${Number(index)} --repair`;
}

/** A line as data, or what is wrong with it in words. */
export type ReadLine<T> = { readonly value: T } | { readonly wrong: string };

/** Reads a line of JSON. */
export function readJsonLine(text: string): ReadLine<unknown> {
  if (text.includes("\0")) return { wrong: "it has NUL bytes, as after a power failure" };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return { wrong: text === "" ? "it is empty" : `it is cut off, or no JSON: ${shown(text, MAX_FOUND)}` };
  }
}

/** Reads a line of a run's file. */
export function readLine<T extends z.ZodType>(text: string, schema: T): ReadLine<z.output<T>> {
  const json = readJsonLine(text);
  if ("wrong" in json) return json;
  const parsed = schema.safeParse(json.value);
  if (parsed.success) return { value: parsed.data };
  const [issue] = parsed.error.issues;
  return { wrong: `it is no line of this file (${issue?.path.join(".") || "the line"}: ${issue?.message})` };
}
