import {
  defaultMethods,
  defaultScores,
  expectedOf,
  type OptionFacts,
  type OptionKind,
  type OptionRows,
  sideOf,
} from "@whybox/core";
import { z } from "zod";
import { capital } from "../words.js";

const MAX_TEXT = 1000;
/** Longest name of a method or a score, and the most scores or layers. */
const MAX_NAME = 64;
const MAX_NAMES = 64;
/** Maximum number of entries of other lists. */
const MAX_ENTRIES = 1000;

interface ShapeOptions {
  /** Whether the aliases of the options are there too. The reader must know them (`readOptions`). */
  readonly withAliases?: boolean;
}

/** The schemas of options as a program gives them (see `optionShape` for those of results): all optional, with bounds. */
export function inputShape(table: OptionRows, { withAliases = false }: ShapeOptions = {}): Record<string, z.ZodType> {
  const shapes = Object.entries(table).flatMap(([name, row]) => {
    const schema = inputSchema(row).optional();
    const aliases = withAliases ? (row.aliases ?? []) : [];
    return [
      [name, schema.describe(descriptionOf(row))] as const,
      ...aliases.map((alias) => [alias, schema.describe(`Alias of ${name}.`)] as const),
    ];
  });
  return Object.fromEntries(shapes);
}

function descriptionOf({ what, otherwise, ...row }: OptionFacts & OptionKind): string {
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
      return z.string(expected).max(MAX_TEXT, expected);
    case "method":
      return z
        .string(expected)
        .max(MAX_NAME, expected)
        .meta({ examples: defaultMethods.map(({ id }) => id) });
    case "scores":
      return z
        .array(z.string(expected).max(MAX_NAME, expected), expected)
        .max(MAX_NAMES, expected)
        .meta({ examples: [defaultScores.map(({ id }) => id)] });
    case "list":
      return z.array(inputSchema(kind.of), expected).max(MAX_ENTRIES, expected);
    case "layers": {
      const layer = z.union([z.int(), z.string().max(MAX_TEXT)]);
      return z.union([layer, z.array(layer).max(MAX_NAMES)], expected);
    }
    case "size": {
      const side = inputSchema(sideOf(kind.max));
      // No tuple: clients that read JSON Schema of 2019 take its form for an array without entries.
      return z.union([side, z.array(side).length(2)], expected);
    }
    case "box": {
      const corner = z.number(expected);
      const className = z.string(expected).max(MAX_TEXT, expected);
      return z.strictObject({ x1: corner, y1: corner, x2: corner, y2: corner, className }, expected);
    }
  }
}
