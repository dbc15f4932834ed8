import { readFileSync } from "node:fs";
import { join } from "node:path";
import { globSync } from "tinyglobby";

const kinds = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];

/** The packages of a workspace, with the texts of their files by path. All that have a version have the same. */
export function readWorkspace(root) {
  const texts = new Map();
  const read = (path) => {
    const text = readFileSync(join(root, path), "utf8");
    texts.set(path, text);
    return JSON.parse(text);
  };
  const { workspaces } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const paths = globSync(
    workspaces.map((path) => `${path}/package.json`),
    { cwd: root },
  ).toSorted();
  const packages = paths.map((path) => ({ path: path.replace("/package.json", ""), manifest: read(path) }));
  const lock = read("package-lock.json");
  const versions = new Set(packages.flatMap(({ manifest }) => manifest.version ?? []));
  if (versions.size !== 1) throw new Error(`The packages have several versions: ${[...versions].join(", ")}.`);
  return { packages, lock, texts, version: [...versions][0] };
}

/** The files with another version of all packages, also where they need each other. */
export function withVersion({ packages, lock }, version) {
  const names = new Set(packages.map(({ manifest }) => manifest.name));
  const bump = (manifest) => {
    const result = { ...manifest };
    if (manifest.version !== undefined) result.version = version;
    for (const kind of kinds.filter((one) => manifest[one] !== undefined)) {
      const entries = Object.entries(manifest[kind]);
      result[kind] = Object.fromEntries(entries.map(([name, range]) => [name, names.has(name) ? version : range]));
    }
    return result;
  };
  const own = new Set(packages.map(({ path }) => path));
  const locked = Object.entries(lock.packages).map(([path, entry]) => [path, own.has(path) ? bump(entry) : entry]);
  return new Map([
    ...packages.map(({ path, manifest }) => [`${path}/package.json`, json(bump(manifest))]),
    ["package-lock.json", json({ ...lock, packages: Object.fromEntries(locked) })],
  ]);
}

const json = (value) => `${JSON.stringify(value, null, 2)}\n`;

/** The packages that are not private, each behind those that it needs. */
export function publishable({ packages }) {
  const left = packages.filter(({ manifest }) => !manifest.private);
  const sorted = [];
  while (left.length > 0) {
    const needs = ({ manifest }) =>
      left.some((other) => kinds.some((kind) => manifest[kind]?.[other.manifest.name] !== undefined));
    const next = left.findIndex((one) => !needs(one));
    if (next < 0) throw new Error(`Packages need each other: ${left.map(({ path }) => path).join(", ")}.`);
    sorted.push(...left.splice(next, 1));
  }
  return sorted;
}
