import { explainOptions, type OptionRows } from "@whybox/core";
import { expect, it } from "vitest";
import { z } from "zod";
import { inputShape } from "../../src/io/input-shape.js";

const rows: OptionRows = explainOptions;
const aliases = Object.values(rows).flatMap((row) => row.aliases ?? []);

it("has the aliases of options only where they are asked for", () => {
  expect(aliases.length).toBeGreaterThan(0);
  expect(Object.keys(inputShape(rows))).toEqual(Object.keys(rows));
  expect(Object.keys(inputShape(rows, { withAliases: true })).toSorted()).toEqual(
    [...Object.keys(rows), ...aliases].toSorted(),
  );
});

it("bounds every text and list", () => {
  const unbounded: string[] = [];
  const visit = (schema: z.core.JSONSchema.JSONSchema, place: string): void => {
    if (schema.type === "string" && schema.enum === undefined && schema.maxLength === undefined) unbounded.push(place);
    if (schema.type === "array" && schema.maxItems === undefined) unbounded.push(place);
    for (const [name, inner] of Object.entries(schema)) {
      if (typeof inner === "object" && inner !== null && name !== "examples" && name !== "enum") {
        visit(inner as z.core.JSONSchema.JSONSchema, `${place}.${name}`);
      }
    }
  };
  visit(z.toJSONSchema(z.strictObject(inputShape(rows, { withAliases: true })), { io: "input" }), "options");
  expect(unbounded).toEqual([]);
});
