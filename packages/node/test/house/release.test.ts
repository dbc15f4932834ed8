import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { globSync } from "tinyglobby";
import { beforeEach, describe, expect, it } from "vitest";
import { type Finished, launch } from "../support/launch.js";

const repository = resolve(import.meta.dirname, "../../../..");
const script = join(repository, "scripts/release.mjs");
const identity = {
  GIT_CONFIG_GLOBAL: join(repository, ".none"),
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.org",
};
const env = { ...identity, GIT_COMMITTER_NAME: "A", GIT_COMMITTER_EMAIL: "a@example.org" };

interface Manifest {
  name: string;
  version?: string;
  private?: boolean;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

interface Sbom {
  components: { "bom-ref": string }[];
}

let root: string;
const read = (path: string) => readFileSync(join(root, path), "utf8");
const manifest = (path: string) => JSON.parse(read(`${path}/package.json`)) as Manifest;
const git = (...args: string[]) =>
  execFileSync("git", args, { cwd: root, encoding: "utf8", env: { ...process.env, ...env } });
const release = (...args: string[]): Promise<Finished> =>
  launch([process.execPath, script, ...args], { cwd: root, env });

/** The manifests, the lock file and the changelog of this repository in one of their own, with checks that only print. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "whybox-release-"));
  for (const path of [...packages(), "package.json", "package-lock.json", "CHANGELOG.md"]) {
    cpSync(join(repository, path), join(root, path));
  }
  const own = manifest(".");
  const checks = ["lint", "types", "test", "packed"];
  const scripts = Object.fromEntries(checks.map((name) => [name, `node -p "'${name} ran'"`]));
  writeFileSync(join(root, "package.json"), JSON.stringify({ ...own, scripts }));
  writeFileSync(join(root, ".gitignore"), "/release/\n");
  const changelog = read("CHANGELOG.md").replace("## [Unreleased]\n", "## [Unreleased]\n\n- A change.\n");
  writeFileSync(join(root, "CHANGELOG.md"), changelog);
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "--message", "All");
});

/** Paths of the manifests. */
function packages(): string[] {
  const { workspaces } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { workspaces: string[] };
  const patterns = workspaces.map((path) => `${path}/package.json`);
  return globSync(patterns, { cwd: repository, ignore: ["**/node_modules/**"] });
}

const folders = () => packages().map((path) => path.replace("/package.json", ""));

describe("a release", { tags: ["long"], timeout: 120_000 }, () => {
  it("writes nothing when it is a dry run, and says what it would do", async () => {
    const before = git("rev-parse", "HEAD");
    const { code, stdout, stderr } = await release("99.0.0", "--dry-run");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("becomes 99.0.0 in:\n");
    expect(stdout).toMatch(/\n## \[99\.0\.0\] - \d{4}-\d\d-\d\d\n\n- A change\.\n/);
    expect(stdout).toContain("$ npm run packed\n$ npm pack ./packages/core ");
    expect(stdout).toContain("$ git tag --annotate v99.0.0 ");
    expect([git("status", "--porcelain"), git("tag"), git("rev-parse", "HEAD")]).toEqual(["", "", before]);
    expect(readdirSync(root)).not.toContain("release");
  });

  it("gives all packages one version, cuts the changelog, checks, packs, commits and tags", async () => {
    const { version } = manifest("packages/core");
    const { code, stdout } = await release("99.0.0");
    expect(code).toBe(0);
    expect(stdout).toMatch(/lint ran.*types ran.*test ran.*packed ran/s);
    for (const path of folders()) {
      const { name, version: own, dependencies, devDependencies } = manifest(path);
      expect([name, own ?? "99.0.0"]).toEqual([name, "99.0.0"]);
      const needed = Object.entries({ ...dependencies, ...devDependencies });
      const ours = needed.filter(([needs]) => needs === "whybox" || needs.startsWith("@whybox/"));
      expect(ours).toEqual(ours.map(([needs]) => [needs, "99.0.0"]));
    }
    expect(manifest("packages/node").dependencies).toMatchObject({ "@whybox/core": "99.0.0" });
    const { packages: locked } = JSON.parse(read("package-lock.json")) as { packages: Record<string, Manifest> };
    expect(locked["packages/node"]).toMatchObject({ version: "99.0.0", dependencies: { "@whybox/core": "99.0.0" } });
    expect(read("CHANGELOG.md")).toMatch(/\n## \[Unreleased\]\n\n## \[99\.0\.0\] - [\d-]+\n\n- A change\.\n/);
    expect(read("CHANGELOG.md")).toContain(
      "\n[Unreleased]: https://github.com/whybox/whybox/compare/v99.0.0...HEAD\n" +
        `[99.0.0]: https://github.com/whybox/whybox/compare/v${version}...v99.0.0\n[`,
    );
    expect(readdirSync(join(root, "release"))).toContain("whybox-core-99.0.0.tgz");
    const sbom = JSON.parse(read("release/whybox-99.0.0.cdx.json")) as Sbom;
    expect(sbom).toMatchObject({
      bomFormat: "CycloneDX",
      metadata: { component: { name: "whybox", version: "99.0.0" } },
    });
    const refs = sbom.components.map((component) => component["bom-ref"]);
    const { dependencies } = manifest("packages/node");
    expect(Object.entries(dependencies!).filter(([name, version]) => !refs.includes(`${name}@${version}`))).toEqual([]);
    expect(refs.filter((ref) => /^(vite|vitest|typescript|bullmq|whybox-workspace)@/.test(ref))).toEqual([]);
    expect(git("log", "-1", "--format=%s")).toBe("Release 99.0.0\n");
    expect([git("tag", "--points-at", "HEAD"), git("status", "--porcelain")]).toEqual(["v99.0.0\n", ""]);

    const published = await release("--publish", "--dry-run");
    expect(published.code).toBe(0);
    const commands = published.stdout.match(/^\$ npm publish \S+/gm)!;
    const open = folders().filter((path) => manifest(path).private !== true);
    expect(commands.toSorted()).toEqual(
      open
        .map((path) => `$ npm publish ./release/${manifest(path).name.replace(/^@(.*)\//, "$1-")}-99.0.0.tgz`)
        .toSorted(),
    );
    expect([commands[0], commands.at(-1)]).toEqual([
      "$ npm publish ./release/whybox-core-99.0.0.tgz",
      "$ npm publish ./release/whybox-99.0.0.tgz",
    ]);
    expect(published.stdout.match(/ --provenance --access public --tag latest$/gm)).toHaveLength(commands.length);
  });

  it("leaves everything as it was when a check fails", async () => {
    const broken = { ...manifest("."), scripts: { lint: 'node -p "0"', types: 'node -e "process.exit(3)"' } };
    writeFileSync(join(root, "package.json"), JSON.stringify(broken));
    git("commit", "--quiet", "--all", "--message", "Break the types");
    const { code, stderr } = await release("99.0.0");
    expect([code, stderr]).toEqual([1, expect.stringContaining("Command failed: npm run types")]);
    expect([git("status", "--porcelain"), git("tag")]).toEqual(["", ""]);
  });

  it.each([
    [["1"], '"1" is not a version. Give one such as '],
    [["0.0.1"], "Version 0.0.1 is not above "],
    [["--publish"], "This commit has no tag v"],
    [[], "Usage: node scripts/release.mjs VERSION"],
    [["99.0.0", "--force"], "Unknown option '--force'"],
  ])("refuses %j", async (args, message) => {
    const { code, stderr } = await release(...args);
    expect([code, stderr]).toEqual([1, expect.stringMatching(new RegExp(`^${message}`))]);
  });

  it("refuses a tag that is there, changes that are not committed, and a changelog without changes", async () => {
    git("tag", "v99.0.0");
    expect((await release("99.0.0")).stderr).toMatch(/^The tag v99\.0\.0 exists already/);
    writeFileSync(join(root, "new.txt"), "");
    expect((await release("99.1.0")).stderr).toMatch(/^There are changes that are not committed:\n\?\? new\.txt\n/);
    const empty = read("CHANGELOG.md").replace(/(?<=## \[Unreleased\]\n).*?(?=\n## \[)/s, "");
    writeFileSync(join(root, "CHANGELOG.md"), empty);
    git("add", ".");
    git("commit", "--quiet", "--message", "Empty");
    expect((await release("99.1.0")).stderr).toMatch(/^CHANGELOG\.md has nothing below "Unreleased"/);
  });
});
