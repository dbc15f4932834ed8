import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { defaultRules } from "../../src/autodiff/rules/index.js";
import { asinh } from "../support/asinh-rule.js";
import { checkVjp } from "../support/check-vjp.js";

const root = new URL("../../../../", import.meta.url);
const page = readFileSync(new URL("docs/adding-an-op.md", root), "utf8");

// The test that the page shows, word for word:
it("Asinh agrees with differences", () =>
  checkVjp({
    build: (b, { x }) => b.op("Asinh", [x!]),
    inputs: { x: { dims: [1, 3, 5] } },
    rules: [...defaultRules, asinh],
  }));

it("docs/adding-an-op.md shows the rule that runs here, and its test", () => {
  const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1]!);
  expect(blocks.length).toBe(2);
  const [, rule] = readFileSync(new URL("../support/asinh-rule.ts", import.meta.url), "utf8").split("\n\n");
  expect(blocks[0]).toContain(rule);
  expect(readFileSync(new URL(import.meta.url), "utf8")).toContain(blocks[1]);
});

it("docs/adding-an-op.md names files that exist", () => {
  const paths = [...page.matchAll(/`(packages\/[\w./-]+\.ts)`/g)].map((match) => match[1]!);
  expect(paths.length).toBeGreaterThan(3);
  for (const path of paths) expect(() => readFileSync(new URL(path, root)), path).not.toThrow();
});
