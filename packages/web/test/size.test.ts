import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";

const assets = resolve(import.meta.dirname, "../../node/dist/page/assets");
const scripts = readdirSync(assets).filter((name) => name.endsWith(".js"));
const textOf = (name: string) => readFileSync(join(assets, name), "utf8");
const kilobytes = (names: readonly string[]) =>
  names.reduce((sum, name) => sum + gzipSync(textOf(name), { level: 9 }).length, 0) / 1000;

/** A script and all that it imports at once. */
function withImports(name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  for (const [, next] of textOf(name).matchAll(/\b(?:import|from)\s*["']\.\/([^"']+\.js)["']/g))
    withImports(next!, found);
  return found;
}

it("the page and its worker load 150 kB of script at most, gzipped, without the runtime", () => {
  const entries = scripts.filter((name) => /^(index|worker)-/.test(name));
  expect(entries).toHaveLength(2);
  const first = new Set(entries.flatMap((name) => [...withImports(name)]));
  expect(kilobytes([...first])).toBeLessThan(150);
  // What only some need comes when it is needed: the reader of checkpoints, what is saved, and the runtime.
  const later = scripts.filter((name) => !first.has(name)).map((name) => name.replace(/-[\w-]{8}\.js$/, ""));
  expect(later.sort()).toEqual(["document", "draw", "ort.webgpu.min", "read-torch"]);
});
