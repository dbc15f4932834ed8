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

/** Scripts that a visit with the default weights loads: the page, the worker, and what they import. */
const first = new Set(
  own.filter((name) => /^assets\/(index|worker)-/.test(name)).flatMap((name) => [...withImports(name)]),
);
const kilobytes = (names: Iterable<string>) =>
  [...names].reduce((sum, name) => sum + gzipSync(textOf(name), { level: 9 }).length, 0) / 1000;

/** Budget for these scripts without the runtime's, gzipped, in kB. Exceeding it is a warning, not an error. */
const BUDGET = 180;

it("the size of the script is measured", () => {
  const [now, all] = [kilobytes(first), kilobytes(own)];
  expect(now).toBeGreaterThan(0);
  expect(all).toBeGreaterThan(now);
  const text = `A visit loads ${now.toFixed(1)} kB of script, gzipped, of ${all.toFixed(1)} kB in all.`;
  if (now > BUDGET) console.warn(`${text} The budget of a visit is ${BUDGET} kB.`);
});

it("the checkpoint reader, other heads, what is saved and the runtime load on demand", () => {
  expect([...first].filter((name) => /^assets\/(index|worker)-/.test(name))).toHaveLength(2);
  const plain = (name: string) => name.replace(/-[\w-]{8}\.js$/, "");
  const later = scripts.filter((name) => !first.has(name)).map(plain);
  for (const name of ["document", "draw", "find-other-head", "ort.webgpu.min", "read-torch"])
    expect(later).toContain(`assets/${name}`);
});
