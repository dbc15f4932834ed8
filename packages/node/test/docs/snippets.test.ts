import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createProgram } from "../../src/cli/program.js";
import { requestOptions } from "../../src/serve/request-options.js";
import { createWorld } from "../cli/fake-world.js";

const root = resolve(import.meta.dirname, "../../../..");
const inFolder = (folder: string) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}/${name}`);
const packages = readdirSync(join(root, "packages")).map((name) => `packages/${name}/README.md`);
const readmes = ["README.md", "examples/README.md", ...packages.filter((page) => page !== "packages/web/README.md")];
const pages = [...readmes, ...inFolder("docs"), ...inFolder("docs/guides")];

interface Snippet {
  readonly page: string;
  readonly language: string;
  readonly code: string;
}

const snippets: readonly Snippet[] = pages.flatMap((page) => {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^```(\w+)[^\n]*\n(.*?)^```/gms)].map(([, language, code]) => ({
    ...{ page, language: language!, code: code! },
  }));
});
const inLanguage = (...languages: string[]) => snippets.filter(({ language }) => languages.includes(language));

it("are in languages that a test looks at", () => {
  const checked = ["sh", "js", "ts", "json", "yaml", "html"];
  // Python runs in python.test.ts. Text is no program.
  const elsewhere = ["python", "text"];
  expect(snippets.length).toBeGreaterThan(60);
  const others = snippets.filter(({ language }) => ![...checked, ...elsewhere].includes(language));
  expect(others.map(({ page, language }) => `${page}: ${language}`)).toEqual([]);
});

describe("commands", () => {
  let program: Command;
  beforeAll(async () => {
    program = await createProgram(createWorld().context, () => {});
  });

  /** What is wrong with a line that calls `whybox`, by the declarations of its command. */
  function faults(line: string): string[] {
    const words = line.replace(/ #.*/, "").trim().split(/\s+/);
    let command: Command = program;
    while (command.commands.some((one) => one.name() === words[0])) {
      const name = words.shift();
      command = command.commands.find((one) => one.name() === name)!;
    }
    if (command === program && !["--version", "--help"].includes(words[0]!)) return [`no command ${words[0]}`];
    const known = [...command.options, ...program.options].flatMap(({ long, short }) => [long, short, "--help"]);
    const flags = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split("=")[0]!);
    return flags.filter((flag) => !known.includes(flag)).map((flag) => `${command.name()} has no ${flag}`);
  }

  /** The words after `whybox` in each call, up to a pipe or another command. */
  const callsIn = (code: string) =>
    [
      ...code
        .replaceAll(/\\\n/g, " ")
        .matchAll(/^(?:- run: )?(?:.*[|&$(] *)?(?:npx (?:--?y\w* )?)?whybox(?:@\S+)? ([a-z-][^|&;)"\n]*)/gm),
    ].map(([, words]) => words!);

  it("have a command and its options, in each call", () => {
    const yaml = inLanguage("yaml").map(({ page, code }) => ({ page, code: code.replaceAll(/^ +/gm, "") }));
    const calls = [...inLanguage("sh"), ...yaml].flatMap(({ page, code }) =>
      callsIn(code).map((call) => ({ page, call })),
    );
    expect(calls.length).toBeGreaterThan(60);
    const wrong = calls.flatMap(({ page, call }) => faults(call).map((fault) => `${page}: ${fault} (${call})`));
    expect(wrong).toEqual([]);
    expect(faults("compare a b --max-movd 1")).toEqual(["compare has no --max-movd"]);
  });

  it("are what the configurations of MCP clients start", () => {
    const configurations = inLanguage("json").filter(({ page }) => page === "docs/mcp.md");
    expect(configurations).toHaveLength(2);
    for (const { code } of configurations) {
      const { mcpServers, servers } = JSON.parse(code);
      const { command, args } = (mcpServers ?? servers).whybox;
      expect([command, ...args.slice(0, 2)]).toEqual(["npx", "-y", "whybox"]);
      expect(faults(args.slice(2).join(" "))).toEqual([]);
    }
  });
});

it("in YAML and JSON can be read", () => {
  for (const { page, code, language } of inLanguage("yaml", "json"))
    expect(() => (language === "yaml" ? parse(code) : JSON.parse(code)), page).not.toThrow();
  const [body] = inLanguage("json").filter(({ page }) => page === "docs/serve.md");
  const { options } = JSON.parse(body!.code);
  expect(Object.keys(options).filter((name) => !(name in requestOptions))).toEqual([]);
});

describe("in JavaScript and TypeScript", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "whybox-snippets-"));
    await symlink(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("compile against the types of the built packages", async () => {
    const programs = inLanguage("js", "ts");
    const whole = programs.filter(
      ({ page, code }) =>
        // These run: readme.test.ts.
        !["README.md", "packages/core/README.md", "packages/node/README.md"].includes(page) &&
        // This is a part of files: packages/core/test/autodiff/docs.test.ts.
        (page !== "docs/adding-an-op.md" || code.includes(' from "whybox"')),
    );
    expect(whole.length).toBeGreaterThan(4);
    // What a page has already where a snippet begins.
    const given =
      "declare const photo: HTMLImageElement, canvas: HTMLCanvasElement, context: CanvasRenderingContext2D;";
    await writeFile(join(folder, "given.d.ts"), given);
    for (const [i, { page, language, code }] of whole.entries()) {
      const name = `${page.replaceAll(/\W/g, "-")}-${i}.${language === "ts" ? "mts" : "mjs"}`;
      await writeFile(join(folder, name), `${code}\nexport {};\n`);
    }
    const compilerOptions = {
      ...{
        target: "ES2023",
        module: "NodeNext",
        strict: true,
        strictNullChecks: false,
        checkJs: true,
        noImplicitAny: false,
        noEmit: true,
      },
      ...{ lib: ["ES2024", "DOM", "DOM.Iterable"], types: ["node"], skipLibCheck: true },
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["."] }));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const compile = () =>
      promisify(execFile)(process.execPath, [tsc, "-p", "."], { cwd: folder }).then(
        () => "",
        ({ stdout }) => stdout as string,
      );
    expect(await compile()).toBe("");
  });
});

describe("in HTML", () => {
  const html = inLanguage("html");

  it("have the import map of the example, which names files of the built package", () => {
    const mapIn = (text: string) => /<script type="importmap">(.*?)<\/script>/s.exec(text)?.[1];
    const maps = html.flatMap(({ code }) => mapIn(code) ?? []);
    expect(maps).toHaveLength(1);
    const { imports } = JSON.parse(maps[0]!) as { imports: Record<string, string> };
    // The example runs in Chromium.
    const example = readFileSync(join(root, "examples/html-page/index.html"), "utf8");
    expect({ imports }).toEqual(JSON.parse(mapIn(example)!));
    for (const path of Object.values(imports)) expect(existsSync(join(root, path)), path).toBe(true);
  });

  it("have an element with attributes of the guide", () => {
    const guide = readFileSync(join(root, "docs/browser.md"), "utf8");
    const attributes = html.flatMap(({ code }) =>
      [...code.matchAll(/<why-box ([^>]*)>/g)].flatMap(([, text]) =>
        [...text!.matchAll(/([a-z-]+)="/g)].map(([, name]) => name!),
      ),
    );
    expect(attributes.length).toBeGreaterThan(5);
    expect(attributes.filter((name) => !guide.includes(`\`${name}\``))).toEqual([]);
  });
});
