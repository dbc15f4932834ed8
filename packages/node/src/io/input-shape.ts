import { expectedOf, type OptionFacts, type OptionKind, type OptionRows, sideOf } from "@whybox/core";
import { z } from "zod";
import { capital } from "../words.js";

const MAX_TEXT = 1000;
const MAX_ENTRIES = 1000;

/** The schemas of options as a program gives them (see `optionShape` for those of results): all optional, with bounds. */
export function inputShape(table: OptionRows): Record<string, z.ZodType> {
  const shapes = Object.entries(table).map(([name, row]) => {
    return [name, inputSchema(row).optional().describe(descriptionOf(row))] as const;
  });
  return Object.fromEntries(shapes);
}

export function descriptionOf({ what, otherwise, ...row }: OptionFacts & OptionKind): string {
  const standard = otherwise ?? (row.default === undefined ? undefined : JSON.stringify(row.default));
  return `${capital(what)}.${standard === undefined ? "" : ` Default: ${standard}.`}`;
}

/** The schema of the values of an option. */
export function inputSchema(kind: OptionKind): z.ZodType {
  const expected = { error: `expected ${expectedOf(kind)}` };
  switch (kind.kind) {
    case "number": {
      const number = kind.whole ? z.int(expected) : z.number(expected);
      return (kind.aboveMin ? number.gt(kind.min, expected) : number.min(kind.min, expected)).max(kind.max, expected);
    }
    case "flag":
      return z.boolean(expected);
    case "choice":
      return z.enum(kind.choices, expected);
    case "text":
    case "method":
      return z.string(expected).max(MAX_TEXT, expected);
    case "scores":
      return z.array(z.string(expected).max(MAX_TEXT, expected), expected).max(MAX_ENTRIES, expected);
    case "list":
      return z.array(inputSchema(kind.of), expected).max(MAX_ENTRIES, expected);
    case "layers": {
      const layer = z.union([z.int(), z.string().max(MAX_TEXT)]);
      return z.union([layer, z.array(layer).max(MAX_ENTRIES)], expected);
    }
    case "size": {
      const side = inputSchema(sideOf(kind.max));
      return z.union([side, z.array(side).length(2)], expected);
    }
    case "box": {
      const corner = z.number(expected);
      const className = z.string(expected).max(MAX_TEXT, expected);
      return z.strictObject({ x1: corner, y1: corner, x2: corner, y2: corner, className }, expected);
    }
  }
}
