import { readFileSync, writeFileSync } from "node:fs";
import { defaultMethods } from "@whybox/core";
import { checkIds, checkRules } from "@whybox/report";
import { expect, it } from "vitest";
import { z } from "zod";
import { checkSchema } from "../../src/check/check-schema.js";
import { createProgram } from "../../src/cli/program.js";
import { evidenceSchema, reviewSchema } from "../../src/evidence/schema.js";
import { resultSchema, runSchema } from "../../src/io/result-schema.js";
import { measurementSummarySchema } from "../../src/runs/sample/schema.js";
import { createWorld } from "./fake-world.js";
import { cliReference } from "./reference.js";

const docs = new URL("../../../../docs/", import.meta.url);
const hint = "is not up to date; run: WHYBOX_UPDATE_DOCS=1 npx vitest run packages/node/test/cli/docs.test.ts";

/** The page as it is; with WHYBOX_UPDATE_DOCS=1 it is written first. */
function page(file: string, text: string): string {
  const path = new URL(file, docs);
  if (process.env.WHYBOX_UPDATE_DOCS === "1") writeFileSync(path, text);
  return readFileSync(path, "utf8");
}

it("docs/cli.md is what the program says", async () => {
  const program = await createProgram({ ...createWorld().context, methods: defaultMethods }, () => {});
  const text = cliReference(program);
  expect(page("cli.md", text) === text, `docs/cli.md ${hint}`).toBe(true);
});

it("a command that is declared alone has the same help", async () => {
  const { context } = createWorld();
  const all = await createProgram(context, () => {});
  // Completion declares all of them.
  for (const command of all.commands.filter((one) => one.name() !== "completion")) {
    const alone = await createProgram(context, () => {}, command.name());
    expect(alone.commands.map((one) => one.name())).toEqual([command.name()]);
    expect(alone.commands[0]!.helpInformation()).toBe(command.helpInformation());
  }
});

it.each([
  ["result.schema.json", resultSchema, "One image explained by Whybox: <stem>.json"],
  ["run.schema.json", runSchema, "What whybox explain --json prints"],
  ["evidence.schema.json", evidenceSchema, "evidence.json in a bundle of whybox evidence"],
  ["review.schema.json", reviewSchema, "review.json in a bundle of whybox evidence"],
  ["measurements.schema.json", measurementSummarySchema, "What was measured of the maps of a run: measurements.json"],
  ["check.schema.json", checkSchema, "What whybox check --json prints"],
])("docs/%s is the schema that the code checks with", (file, schema, title) => {
  // "input": readers must take fields that they do not know.
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: "input" });
  const wanted = { $schema, title, ...rest };
  expect(JSON.parse(page(file, `${JSON.stringify(wanted, null, 2)}\n`)), `docs/${file} ${hint}`).toEqual(wanted);
});

it("docs/sanity-checks.md names every field of the JSON, and every check", () => {
  const text = readFileSync(new URL("sanity-checks.md", docs), "utf8");
  for (const field of Object.keys(checkSchema.shape)) expect(text).toContain(`\`${field}\``);
  for (const id of checkIds) expect(text).toContain(checkRules[id].title);
});

it("docs/result-json.md names every field", () => {
  const text = readFileSync(new URL("result-json.md", docs), "utf8");
  for (const schema of [resultSchema, runSchema]) {
    for (const field of Object.keys(schema.shape)) expect(text).toContain(`\`${field}\``);
  }
});
