import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type DetectOptions, explainOptions } from "../../src/explain/options/options.js";
import { namesIn } from "../../src/options/names.js";
import type { OptionRows, OptionTable } from "../../src/options/spec.js";
import { checkValue } from "../../src/options/values.js";

const rows: OptionRows = explainOptions;
const source = readFileSync(new URL("../../src/explain/options/options.ts", import.meta.url), "utf8");

/** The docstring of a member of the interfaces, on one line. */
function docstringOf(member: string): string | undefined {
  const [, text] = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s+readonly ${member}\\?:`).exec(source) ?? [];
  return text?.replace(/\s*\n\s*\* ?/g, " ").trim();
}

const capital = (text: string) => text[0]!.toUpperCase() + text.slice(1);

describe("the table of options", () => {
  it.each(Object.entries(rows))("has the sentence and the default of the docstring: %s", (name, row) => {
    const text = docstringOf(name);
    expect(text?.startsWith(`${capital(row.what)}.`), `${text}\n${row.what}`).toBe(true);
    const named =
      row.default === undefined || Array.isArray(row.default) ? row.otherwise! : JSON.stringify(row.default);
    const [, told] = / Default:? (.*)\.$/.exec(text!)!;
    if (row.default !== undefined && !Array.isArray(row.default)) expect(told).toBe(named);
    else expect(told!.replaceAll('"', "")).toBe(named);
  });

  it("has each name once, and docstrings for the aliases", () => {
    const names = namesIn(rows);
    expect(new Set(names).size).toBe(names.length);
    for (const [name, { aliases = [] }] of Object.entries(rows))
      for (const alias of aliases) expect(docstringOf(alias)).toBe(`Alias of \`${name}\`.`);
  });

  it("has defaults that pass its own checks", () => {
    for (const [name, row] of Object.entries(rows)) {
      if (row.default === undefined) expect(row.otherwise, name).toBeDefined();
      else expect(() => checkValue(name, row, row.default), name).not.toThrow();
    }
  });

  it("does not compile without a row, with a row too many, or with a wrong kind", () => {
    type Small = Pick<DetectOptions, "iou" | "agnostic">;
    const iou = { what: "", kind: "number", min: 0, max: 1, group: "Detection" } as const;
    const agnostic = { what: "", kind: "flag", group: "Detection" } as const;
    const whole: OptionTable<Small> = { iou, agnostic };
    // @ts-expect-error a row is missing
    const missing: OptionTable<Small> = { iou };
    // @ts-expect-error a row is of no option
    const more: OptionTable<Small> = { iou, agnostic, topk: iou };
    // @ts-expect-error a flag is not a number
    const wrong: OptionTable<Small> = { iou: agnostic, agnostic };
    // @ts-expect-error the default is not of the option's type
    const standard: OptionTable<Small> = { iou: { ...iou, default: "half" }, agnostic };
    expect([whole, missing, more, wrong, standard]).toHaveLength(5);
  });
});
