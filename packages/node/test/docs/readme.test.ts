import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
import type { OptionRows } from "@whybox/core";
import { describe, expect, it } from "vitest";
import { explainFlags } from "../../src/cli/explain-options.js";
import { flagOf } from "../../src/cli/option-values.js";
import { yolov5sPath } from "../support/yolov5s-path.js";

const root = resolve(import.meta.dirname, "../../../..");
const pages = ["README.md", "packages/core/README.md", "packages/node/README.md"];
const read = (page: string) => readFileSync(resolve(root, page), "utf8");

/** The code blocks of a page in a language. */
function blocks(page: string, language: string): string[] {
  return [...read(page).matchAll(/```(\w+)\n(.*?)```/gs)]
    .filter(([, tag]) => tag === language)
    .map(([, , code]) => code!);
}

describe.each(pages)("%s", (page) => {
  it("has examples that run", { timeout: 120_000 }, async () => {
    await yolov5sPath();
    const examples = blocks(page, "js");
    expect(examples.length).toBeGreaterThan(0);
    for (const code of examples) {
      const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], {
        cwd: root,
      });
      expect(stdout.length).toBeGreaterThan(0);
    }
  });

  it("links to files that exist", () => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)(#[^)]*)?\)/g)].map(([, target]) => target!);
    expect(links.filter((target) => !existsSync(resolve(root, dirname(page), target)))).toEqual([]);
  });
});

it("names only options that the command has", () => {
  const known = new Set(read("docs/cli.md").match(/--[a-z][a-z-]+/g));
  const used =
    blocks("README.md", "sh")
      .join("\n")
      .match(/--[a-z][a-z-]+/g) ?? [];
  const listed =
    read("README.md")
      .match(/`--[a-z][a-z-]+/g)
      ?.map((flag) => flag.slice(1)) ?? [];
  expect([...used, ...listed].filter((flag) => !known.has(flag) && flag !== "--foreground-scripts")).toEqual([]);
});

it("has the names and defaults of options as the tables have them", () => {
  const rows: OptionRows = explainFlags;
  const lines = read("README.md").split("\n");
  const found = lines.flatMap((line) => {
    const [, flags, , defaults] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    return flags?.startsWith("`--") ? [{ flags: [...flags.matchAll(/--[a-z-]+/g)].map(String), defaults }] : [];
  });
  expect(found.length).toBeGreaterThan(10);
  for (const { flags, defaults } of found) {
    const named = flags.map((flag) => {
      const name = Object.keys(rows).find((option) =>
        [option, ...(rows[option]!.aliases ?? [])].map(flagOf).includes(flag),
      );
      expect(name, flag).toBeDefined();
      return rows[name!]!;
    });
    const values = new Set(named.map((row) => (row.kind === "flag" ? "off" : (row.otherwise ?? String(row.default)))));
    if (named.some(({ kind }) => kind === "box")) continue;
    expect(defaults?.replaceAll("`", ""), flags.join()).toBe([...values].join(", "));
  }
});
