import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../../..");

/** Which packages of this repository the sources of a package may import: docs/architecture.md says it in words. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  report: ["@whybox/core"],
  browser: ["@whybox/core"],
  node: ["@whybox/core", "@whybox/report"],
  web: ["@whybox/core", "@whybox/browser", "@whybox/report"],
};
const packages = Object.keys(allowed);
const own = ["@whybox/core", "@whybox/browser", "@whybox/report", "@whybox/web", "whybox"];

/** What runs at the user's. The other sources, the page and its build among them, are bundled or run in this repository alone. */
const isInstalled = (file: string) => file.startsWith("src/") || file.startsWith("bin/");

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface Import {
  readonly from: string;
  readonly target: string;
}

const manifestOf = (folder: string) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
const shared = manifestOf(root);

/** All sources of a package, tests too. */
function filesOf(name: string): string[] {
  const all = readdirSync(join(root, "packages", name), { recursive: true, encoding: "utf8" });
  return all
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => /\.(ts|tsx|js|mjs|css)$/.test(file) && !/(^|\/)(dist|node_modules)\//.test(file));
}

/** Imports and exports from, `import()`, `require.resolve()` and the `@import` of styles. */
function importsOf(name: string, files: readonly string[]): Import[] {
  return files.flatMap((file) => {
    const text = readFileSync(join(root, "packages", name, file), "utf8");
    const found = [
      ...text.matchAll(/^(?:import|export)\s+(?:type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gms),
      ...text.matchAll(/(?:\bimport|\b(?:require|import\.meta)\.resolve)\(\s*["`]([^"`]+)["`]/g),
      ...text.matchAll(/^@import "([^"]+)"/gm),
    ];
    return found.map(([, target]) => ({ from: file, target: target! }));
  });
}

/** The package of a specifier; undefined for files and for what Node has itself. */
function packageOf(target: string): string | undefined {
  if (/^(\.|node:)/.test(target)) return undefined;
  return target
    .split("/")
    .slice(0, target.startsWith("@") ? 2 : 1)
    .join("/");
}

const namesIn = (imports: readonly Import[]) =>
  new Set(
    imports.flatMap(({ target }) => packageOf(target) ?? []).filter((name) => /^(@[\w.-]+\/)?[\w.-]+$/.test(name)),
  );

describe.each(packages)("packages/%s", (name) => {
  const folder = join(root, "packages", name);
  const files = filesOf(name);
  const sources = files.filter((file) => !file.startsWith("test/"));
  const tests = files.filter((file) => file.startsWith("test/"));
  const manifest = manifestOf(folder);
  const { dependencies = {}, peerDependencies = {}, devDependencies = {} } = manifest;

  it("imports only packages below it, by their public names", () => {
    const wrong = importsOf(name, sources).filter(({ from, target }) => {
      if (target.startsWith(".")) {
        const file = resolve(folder, dirname(from), target);
        return !file.startsWith(join(folder, "/")) && !file.startsWith(join(root, "scripts/"));
      }
      const other = packageOf(target)!;
      if (!own.includes(other)) return false;
      return !allowed[name]!.includes(other);
    });
    expect(wrong).toEqual([]);
  });

  it("declares what its sources import, and nothing else", () => {
    const installed = namesIn(importsOf(name, sources.filter(isInstalled)));
    const elsewhere = namesIn(importsOf(name, files));
    const needed = manifest.private ? devDependencies : { ...dependencies, ...peerDependencies };
    expect([...installed].filter((one) => needed[one] === undefined)).toEqual([]);
    const declared = { ...needed, ...devDependencies };
    const inSources = namesIn(importsOf(name, sources));
    expect([...inSources].filter((one) => declared[one] === undefined)).toEqual([]);
    expect(Object.keys({ ...dependencies, ...peerDependencies }).filter((one) => !installed.has(one))).toEqual([]);
    const forTypes = (one: string) => one.replace(/^@types\//, "");
    expect(Object.keys(devDependencies).filter((one) => !elsewhere.has(forTypes(one)))).toEqual([]);
  });

  it("declares what its tests import, or leaves it to the whole repository", () => {
    const declared = { ...dependencies, ...devDependencies, ...shared.devDependencies };
    const imported = namesIn(importsOf(name, tests));
    expect([...imported].filter((one) => declared[one] === undefined && one !== manifest.name)).toEqual([]);
  });

  it("is seen by this test", () => {
    expect(sources.length).toBeGreaterThan(4);
    expect(existsSync(join(folder, "package.json"))).toBe(true);
  });
});

/** It has no types. */
const semver = createRequire(import.meta.url)("semver") as { subset(range: string, of: string): boolean };

/** They name a newer Node, and are never loaded: docs/dependencies.md says why. */
const neverLoaded = ["cookie"];

it("whybox accepts only versions of Node that all packages accept which npm installs with it", () => {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, Locked>;
  };
  const { engines } = JSON.parse(readFileSync(join(root, "packages/node/package.json"), "utf8")) as Locked;
  const others = Object.entries(lock.packages).filter(([path, { dev, optional, devOptional, link, engines: own }]) => {
    const isInstalled = path.includes("node_modules/") && !dev && !optional && !devOptional && !link;
    return isInstalled && own?.node !== undefined && !semver.subset(engines!.node, own.node);
  });
  expect(others.map(([path]) => path.split("node_modules/").at(-1))).toEqual(neverLoaded);
});

interface Locked {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly link?: boolean;
  readonly engines?: { readonly node: string };
}

it("no package of the repository is left out", () => {
  expect(readdirSync(join(root, "packages")).sort()).toEqual([...packages].sort());
});
