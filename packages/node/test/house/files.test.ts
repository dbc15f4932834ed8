import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

const root = resolve(import.meta.dirname, "../../../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const manifest = (path: string) => JSON.parse(read(`${path}/package.json`)) as Record<string, unknown>;

/** Pages of the API reference exist after `npm run docs`. The test of the site checks links to them. */
const isGenerated = (path: string) => path.startsWith(join("docs/api/reference"));

const markdown = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md") && !path.includes("node_modules"))
    .map((path) => join(folder, path))
    .filter((path) => !isGenerated(path));
const pages = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", ...markdown("docs")];

it.each(pages)("%s links to files and headings that exist", (page) => {
  const links = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)/g)];
  const wrong = links.filter(([, path, hash]) => {
    const target = path === "" ? page : join(dirname(page), path!);
    if (isGenerated(target)) return false;
    if (!existsSync(join(root, target))) return true;
    return hash !== undefined && target.endsWith(".md") && !anchorsOf(target).has(hash);
  });
  expect(wrong.map(([link]) => link)).toEqual([]);
});

it("docs/security.md names a test for each threat", () => {
  const rows = read("docs/security.md")
    .split("\n")
    .filter((line) => /^\| (?!threat|---)/.test(line));
  expect(rows.length).toBeGreaterThan(30);
  const withoutTest = rows.filter((row) => !/\]\(\.\.\/packages\/\S+\.test\.ts\)/.test(row.split(" | ").at(-1)!));
  expect(withoutTest).toEqual([]);
});

/** Anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): Set<string> {
  const headings = read(page).matchAll(/^#+ (.*)$/gm);
  const slug = (text: string) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
  return new Set([...headings].map(([, text]) => `#${slug(text!)}`));
}

it("CONTRIBUTING.md names scripts that there are", () => {
  const { scripts } = manifest(".") as { scripts: Record<string, string> };
  const named = [...read("CONTRIBUTING.md").matchAll(/npm run ([a-z:-]+)/g)].map(([, name]) => name!);
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
});

it("CHANGELOG.md has a section for the version of the packages", () => {
  expect(read("CHANGELOG.md")).toMatch(/\n## \[Unreleased\]\n/);
  expect(read("CHANGELOG.md")).toMatch(
    new RegExp(`\\n## \\[${manifest("packages/core").version}\\] - \\d{4}-\\d\\d-\\d\\d\\n`),
  );
});

it.each(readdirSync(join(root, "packages")))("packages/%s says where it comes from", (name) => {
  const { keywords, homepage, bugs, repository, license } = manifest(`packages/${name}`);
  const address = "https://github.com/whybox/whybox";
  expect([homepage, bugs, license]).toEqual([`${address}#readme`, { url: `${address}/issues` }, "MIT"]);
  expect(repository).toEqual({ type: "git", url: `git+${address}.git`, directory: `packages/${name}` });
  expect(keywords).toContain("object-detection");
});

describe(".github", () => {
  const field = z.object({
    type: z.enum(["textarea", "input"]),
    id: z.string(),
    attributes: z.looseObject({ label: z.string() }),
  });
  const form = z.strictObject({
    name: z.string(),
    description: z.string(),
    labels: z.array(z.string()),
    body: z.array(field.loose()).min(1),
  });
  const forms = readdirSync(join(root, ".github/ISSUE_TEMPLATE")).filter((name) => name !== "config.yml");

  it.each(forms)("ISSUE_TEMPLATE/%s is a form", (name) => {
    const { body } = form.parse(parse(read(`.github/ISSUE_TEMPLATE/${name}`)));
    expect(new Set(body.map(({ id }) => id)).size).toBe(body.length);
  });

  it.each(["bug.yml", "model.yml"])("ISSUE_TEMPLATE/%s asks for what inspect says", (name) => {
    const { body } = form.parse(parse(read(`.github/ISSUE_TEMPLATE/${name}`)));
    expect(body.map(({ attributes }) => JSON.stringify(attributes)).join()).toMatch(/whybox inspect \w+ --json/);
  });

  it("checks each commit on three systems with all Nodes that are supported", () => {
    const { jobs, permissions } = parse(read(".github/workflows/ci.yml"));
    expect(permissions).toEqual({ contents: "read" });
    expect(jobs.check.strategy.matrix).toEqual({
      os: ["ubuntu-latest", "macos-latest", "windows-latest"],
      node: [20, 22, 24, 26],
    });
    expect(jobs.check.steps).toContainEqual(expect.objectContaining({ run: "bash .ci/run" }));
    // Vite, which builds the pages, needs newer ones than whybox.
    expect(manifest(".").engines).toEqual({ node: "^20.19.0 || >=22.12.0" });
    expect(manifest("packages/node").engines).toEqual({ node: "^20.19.0 || >=22.9.0" });
  });

  it("publishes the documentation from main, and lets only that job write pages", () => {
    const { on, jobs, permissions } = parse(read(".github/workflows/docs.yml"));
    expect([on.push, permissions]).toEqual([{ branches: ["main"] }, { contents: "read" }]);
    expect(jobs.build.permissions).toBeUndefined();
    expect(jobs.publish.permissions).toEqual({ pages: "write", "id-token": "write" });
  });

  it("publishes tags only, and lets nothing but that job ask for a token", () => {
    const { on, jobs, permissions } = parse(read(".github/workflows/release.yml"));
    expect([on, permissions]).toEqual([{ push: { tags: ["v*"] } }, { contents: "read" }]);
    expect(jobs.publish.permissions).toEqual({ contents: "read", "id-token": "write" });
    // Known weaknesses of what is installed, and packages that depend on where they are built, stop it.
    expect((jobs.publish.steps as { run?: string }[]).flatMap(({ run }) => run ?? [])).toEqual([
      "npm ci",
      "npm audit --omit=dev --audit-level=moderate",
      "npm run reproducible",
      "node scripts/release.mjs --publish",
    ]);
  });
});
