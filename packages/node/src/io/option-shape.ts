import type { OptionFacts, OptionKind, OptionRows, PlainOptions, WithInDocument } from "@whybox/core";
import { z } from "zod";
import { capital } from "../words.js";

/** A schema for each option of a result document. */
type OptionShape<Options, Table> = {
  [K in Exclude<keyof PlainOptions<Options, Table>, WithInDocument<Table, "given">>]: z.ZodType<
    PlainOptions<Options, Table>[K]
  >;
} & {
  [K in WithInDocument<Table, "given"> & keyof PlainOptions<Options, Table>]: z.ZodExactOptional<
    z.ZodType<NonNullable<PlainOptions<Options, Table>[K]>>
  >;
};

/** The schemas of a table's options as result documents have them (see `plainOptions`), in the order of the table. */
export function optionShape<Options, const Table extends OptionRows>(table: Table): OptionShape<Options, Table> {
  const rows = Object.entries(table).filter(([, row]) => row.inDocument !== "never");
  return Object.fromEntries(rows.map(([name, row]) => [name, schemaOf(row)])) as never;
}

function schemaOf(row: OptionFacts & OptionKind): z.ZodType {
  const value = valueSchema(row);
  const what = `${capital(row.what)}.`;
  if (row.inDocument === "given") return value.exactOptional().describe(`${what} Left out: ${row.otherwise}.`);
  if (Array.isArray(row.default)) return value.describe(`${what} Empty: ${row.otherwise}.`);
  // Method and scores are those that ran, so they are always known.
  if (row.default !== undefined || row.kind === "method" || row.kind === "scores") return value.describe(what);
  return value.nullable().describe(`${what} null: ${row.otherwise}.`);
}

function valueSchema(kind: OptionKind): z.ZodType {
  switch (kind.kind) {
    case "number":
      return kind.whole ? z.int() : z.number();
    case "flag":
      return z.boolean();
    case "choice":
      return z.enum(kind.table === undefined ? kind.choices : [...kind.choices, "custom"]);
    case "text":
    case "method":
      return z.string();
    case "scores":
      return z.array(z.string());
    case "list":
      return z.array(valueSchema(kind.of));
    case "layers":
      return z.union([z.literal("auto"), z.array(z.union([z.int(), z.string()]))]);
    case "size":
      return z.tuple([z.int(), z.int()]);
    case "box":
      return z.object({ x1: z.number(), y1: z.number(), x2: z.number(), y2: z.number(), className: z.string() });
  }
}
