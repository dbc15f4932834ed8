import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";

const page = resolve(import.meta.dirname, "../../node/dist/page");
const scripts = readdirSync(page, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"));
const textOf = (name: string) => readFileSync(join(page, name), "utf8");
const own = scripts.filter((name) => !name.includes("ort.webgpu"));

/** A script and all its static imports. */
function withImports(name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  for (const [, next] of textOf(name).matchAll(/\b(?:import|from)\s*["'`]\.\/([^"'`]+\.js)["'`]/g))
    withImports(`assets/${next!}`, found);
  return found;
}

/** Budget for all script of the page without the runtime's, gzipped, in kB. Exceeding it is a warning, not an error. */
const BUDGET = 180;

it("the size of the script is measured", () => {
  const kilobytes = own.reduce((sum, name) => sum + gzipSync(textOf(name), { level: 9 }).length, 0) / 1000;
  expect(kilobytes).toBeGreaterThan(0);
  if (kilobytes > BUDGET) console.warn(`The page's script is ${kilobytes.toFixed(1)} kB gzipped, above ${BUDGET} kB.`);
});

it("the checkpoint reader, what is saved and the runtime load on demand", () => {
  const entries = own.filter((name) => /^assets\/(index|worker)-/.test(name));
  expect(entries).toHaveLength(2);
  const first = new Set(entries.flatMap((name) => [...withImports(name)]));
  const plain = (name: string) => name.replace(/-[\w-]{8}\.js$/, "");
  const later = scripts.filter((name) => !first.has(name)).map(plain);
  for (const name of ["document", "draw", "ort.webgpu.min", "read-torch"]) expect(later).toContain(`assets/${name}`);
});
