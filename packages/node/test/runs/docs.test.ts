import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { imageExtensions } from "../../src/images/named-source.js";
import { frameLineSchema, itemSchema, resultLineSchema, runDetectionSchema, runFiles } from "../../src/runs/schema.js";
import { kindByName, videoExtensions } from "../../src/runs/sources/source-kind.js";

const page = readFileSync(new URL("../../../../docs/runs.md", import.meta.url), "utf8");

it("docs/runs.md speaks of every file, kind and number, and of options that there are", () => {
  for (const name of Object.values(runFiles)) expect(page).toContain(name);
  for (const kind of itemSchema.shape.kind.options) expect(page).toContain(`\`${kind}\``);
  for (const option of resultLineSchema.options) expect(page).toContain(`"kind":"${option.shape.kind.value}"`);
  for (const field of ["class", "score", "box", "level", "heat", "blind", "explained"]) {
    expect(Object.keys(runDetectionSchema.shape)).toContain(field);
    expect(page).toContain(`"${field}"`);
  }
  for (const field of ["frame", "time", "mapFrame"] as const) {
    expect(frameLineSchema.shape[field]).toBeDefined();
    expect(page).toContain(`\`${field}\``);
  }
  const known = new Set(
    readFileSync(new URL("../../../../docs/cli.md", import.meta.url), "utf8").match(/--[a-z][a-z-]+/g),
  );
  const other = page.match(/--[a-z][a-z-]+/g)!.filter((flag) => !known.has(flag));
  expect(other).toEqual([]);
});

it("has an example line that is of the schema", () => {
  const [, example] = /```json\n(.*?)```/s.exec(page)!;
  expect(resultLineSchema.parse(JSON.parse(example!))).toMatchObject({ kind: "picture" });
});

it("knows files by their endings", () => {
  for (const ending of imageExtensions) expect(kindByName(`a${ending.toUpperCase()}`)).toBe("image");
  for (const ending of videoExtensions) expect(kindByName(`a.b${ending}`)).toBe("video");
  for (const name of ["a", "a.txt", "jpg", "a.jpg.bak"]) expect(kindByName(name)).toBeUndefined();
});
