import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../../..");

it("docs/dependencies.md says what each dependency of the packages is for, and names no other", () => {
  const page = readFileSync(join(root, "docs/dependencies.md"), "utf8");
  const listed = [...page.matchAll(/^\| `(\S+)` +\| (?!\s*\|)/gm)].map(([, name]) => name!);
  const wanted = readdirSync(join(root, "packages")).flatMap((name) => {
    const manifest = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"));
    const { dependencies, peerDependencies, optionalDependencies, devDependencies } = manifest;
    return Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies, ...devDependencies });
  });
  expect([...new Set(listed)].toSorted()).toEqual([...new Set(wanted)].toSorted());
});
