import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { expect, it } from "vitest";
import { createProgram } from "../../src/cli/program.js";
import { createWorld } from "../cli/fake-world.js";

const root = resolve(import.meta.dirname, "../../../..");
const program: Command = await createProgram(createWorld().context, () => {});

const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).map((path) => join("docs", path));
const packages = ["browser", "core", "node", "report"].map((name) => join("packages", name, "README.md"));
const pages = ["README.md", "SECURITY.md", ...packages, ...docs].filter(
  (path) => /\.md$/.test(path) && !path.startsWith(join("docs/api")) && path !== join("docs/cli.md"),
);

/** The calls of the command in the shell and YAML examples of a page. */
function calls(page: string): string[] {
  const blocks = [
    ...readFileSync(join(root, page), "utf8").matchAll(/^```(?:sh|bash|yaml|console)\b[^\n]*\n(.*?)^```/gms),
  ];
  return blocks
    .flatMap(([, code]) => code!.replaceAll("\\\n", " ").split(/\n|&&|\|/))
    .flatMap(
      (line) => /^(?:\S+=\S* |[-$] |run: )*(?:npx (?:--yes )?)?whybox (.*?)(?:\s#.*)?$/.exec(line.trim())?.[1] ?? [],
    )
    .filter((line) => /^[a-z]/.test(line));
}

/** The command that a call names, such as "shard plan", and the flags that it does not have. */
function unknown(call: string): string | undefined {
  const words = call.split(/\s+/);
  let command: Command = program;
  while (command.commands.length > 0) {
    const next = command.commands.find((one) => one.name() === words[0] || one.aliases().includes(words[0]!));
    if (next === undefined) return `${call}: no command ${words[0]}`;
    command = next;
    words.shift();
  }
  const known = command.options.flatMap(({ long, short }) => [long, short]);
  const flags = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/=.*/, ""));
  const wrong = flags.filter((flag) => !["--help", "-h", ...known].includes(flag));
  return wrong.length > 0 ? `${call}: no ${wrong.join(", ")}` : undefined;
}

it("all pages name only commands and options that exist", () => {
  const found = pages.flatMap((page) => calls(page).map((call) => ({ page, problem: unknown(call) })));
  expect(found.length).toBeGreaterThan(80);
  expect(found.filter(({ problem }) => problem !== undefined)).toEqual([]);
});
