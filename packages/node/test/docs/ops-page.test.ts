import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { defaultRules } from "@whybox/core";
import { expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../../..");

it("docs/ops.md is what the rules say", { timeout: 60_000 }, async () => {
  const check = promisify(execFile)(process.execPath, ["scripts/make-ops-page.mjs", "--check"], { cwd: root });
  await expect(check).resolves.toMatchObject({ stderr: "" });
});

it("docs/ops.md has a row for each rule, and says no of the ops that have none", () => {
  const page = readFileSync(resolve(root, "docs/ops.md"), "utf8");
  const rows = new Map([...page.matchAll(/^\| (\w+) \| [^|]+ \| (\w+)/gm)].map(([, op, gradient]) => [op!, gradient!]));
  for (const { op } of defaultRules) expect(rows.get(op), op).toMatch(/^(yes|partly)$/);
  expect(["Loop", "If", "Scan", "Asinh"].map((op) => rows.get(op))).toEqual(["no", "no", "no", "no"]);
  expect(["ArgMax", "NonMaxSuppression", "Round"].map((op) => rows.get(op))).toEqual(["stop", "stop", "stop"]);
});
