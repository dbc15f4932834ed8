import { appendFile, cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MeasurementLine, MeasurementSummary } from "@whybox/report";
import { beforeAll, describe, expect, it } from "vitest";
import { measurementLineSchema, measurementSummarySchema, sampleSchema } from "../../src/runs/sample/schema.js";
import type { RunImageLine } from "../../src/runs/schema.js";
import { whybox } from "../support/launch.js";
import { contents, imageNames, lines, miniOptions, putImages, runWorld } from "./world.js";

const asked = 6;
/** The small network has boxes that reach far out of the image. */
const tooLittle = "The network shows too little of this detection at its box to be measured.";
const files = ["sample.json", "measurements.jsonl", "measurements.json"];

let cwd: string;
const command = (...argv: string[]) => whybox(argv, { cwd });
const read = (path: string) => readFile(join(cwd, path), "utf8");
const measured = (folder: string) => Promise.all(files.map((name) => read(`${folder}/${name}`)));
const measurements = (folder: string) => lines<MeasurementLine>(join(cwd, folder, "measurements.jsonl"));

beforeAll(async () => {
  cwd = await runWorld();
  await putImages(cwd, imageNames(6));
  const done = await command("run", "p", "--out", "out", ...miniOptions, "--measure", String(asked));
  expect(done).toMatchObject({ code: 0 });
}, 600_000);

/** Puts a copy of the run to a new place. */
async function copied(name: string): Promise<string> {
  await rm(join(cwd, name), { recursive: true, force: true });
  await cp(join(cwd, "out"), join(cwd, name), { recursive: true });
  return name;
}

describe("whybox run --measure", { timeout: 300_000 }, () => {
  it("measures a sample of the run's detections, and says what the figures mean", async () => {
    const sample = sampleSchema.parse(JSON.parse(await read("out/sample.json")));
    const found = (await measurements("out")).map((line) => measurementLineSchema.parse(line));
    const results = await lines<RunImageLine>(join(cwd, "out/results.jsonl"));
    expect(sample.candidates).toBe(results.reduce((sum, { detections }) => sum + detections.length, 0));
    expect(found).toHaveLength(asked);
    for (const [i, line] of found.entries()) {
      expect(line).toMatchObject({ v: 1, number: i });
      const { name, score, class: number } = results[line.item]!.detections[line.detection]!;
      expect(line).toMatchObject({ name, score, class: number, source: results[line.item]!.source });
      if (line.measured === null) expect(line.error).toEqual({ code: "bad-input", message: tooLittle });
      else expect(line.measured).toMatchObject({ detections: [line.detection], className: name });
    }
    const good = found.flatMap(({ measured }) => measured ?? []);
    expect(good.length).toBeGreaterThan(asked / 2);
    const summary: MeasurementSummary = measurementSummarySchema.parse(JSON.parse(await read("out/measurements.json")));
    expect(summary).toMatchObject({
      ...{ asked, seed: 0, sampled: asked, measured: good.length, failed: asked - good.length, isSmall: true },
    });
    const mean = good.reduce((sum, { map }) => sum + map.overAll, 0) / good.length;
    expect(summary.overall.figures!.image.map.mean).toBeCloseTo(mean, 9);
  });

  it("measures the maps of the run: the same as whybox explain does", async () => {
    const [line] = await measurements("out");
    const options = miniOptions.slice(0, miniOptions.indexOf("--workers"));
    const { stdout } = await command("explain", line!.source, ...options, "--threads", "1", "--measure", "--json");
    const { measured: all } = JSON.parse(stdout).results[0] as { measured: NonNullable<MeasurementLine["measured"]>[] };
    const wanted = all.find(({ detections: [index] }) => index === line!.detection)!;
    expect(line!.measured!.map.overAll).toBeCloseTo(wanted.map.overAll, 5);
    expect(line!.measured!.images).toBe(wanted.images);
  });

  it("continues after a torn line, measures nothing twice, and gives the same bytes", async () => {
    const first = await measured("out");
    const folder = await copied("torn");
    const text = await read(`${folder}/measurements.jsonl`);
    const whole = text.split("\n");
    await writeFile(
      join(cwd, folder, "measurements.jsonl"),
      `${whole.slice(0, 3).join("\n")}\n${whole[3]!.slice(0, 50)}`,
    );
    await rm(join(cwd, folder, "measurements.json"));
    // The sample is stored, so the number need not be given again.
    const again = await command("run", "--resume", "--out", folder);
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining("were measured") });
    expect(await measured(folder)).toEqual(first);
    // A line without its line break is incomplete.
    await writeFile(join(cwd, folder, "measurements.jsonl"), text.trimEnd());
    await rm(join(cwd, folder, "measurements.json"));
    expect(await command("run", "--resume", "--out", folder)).toMatchObject({ code: 0 });
    expect(await measured(folder)).toEqual(first);
  });

  it("does nothing when all is measured, and refuses another number", async () => {
    const before = await contents(join(cwd, "out"));
    expect(await command("run", "--resume", "--out", "out", "--measure", String(asked))).toMatchObject({ code: 0 });
    expect(await contents(join(cwd, "out"))).toEqual(before);
    const other = await command("run", "--resume", "--out", "out", "--measure", "7");
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/has measurements of a sample of 6 detections, not of 7\. Remove sample\.json, /);
  });

  it("gives the same bytes from shards", { tags: ["long"] }, async () => {
    const plan = miniOptions.slice(0, miniOptions.indexOf("--workers"));
    expect(await command("shard", "plan", "p", "--out", "parts", "--shards", "2", ...plan)).toMatchObject({ code: 0 });
    for (const i of ["0", "1"]) expect(await command("shard", "run", "parts", i)).toMatchObject({ code: 0 });
    expect(await command("shard", "merge", "parts", "--measure", String(asked))).toMatchObject({ code: 0 });
    expect(await measured("parts")).toEqual(await measured("out"));
  });

  it("records what cannot be measured, shows it, and goes on", { tags: ["long"] }, async () => {
    const folder = await copied("changed");
    const [first] = await measurements(folder);
    for (const name of files) await rm(join(cwd, folder, name));
    await cp(join(cwd, "p"), join(cwd, "kept"), { recursive: true });
    await writeFile(join(cwd, first!.source), "I am no image.");
    const { code, stderr } = await command("run", "--resume", "--out", folder, "--measure", String(asked));
    await cp(join(cwd, "kept"), join(cwd, "p"), { recursive: true });
    expect(code).toBe(0);
    expect(stderr).toContain(`error: ${first!.source} contains text`);
    expect(stderr).toMatch(/\d detections? of the sample could not be measured\./);
    const found = await measurements(folder);
    expect(found).toHaveLength(asked);
    expect(found[0]).toMatchObject({ measured: null, error: { code: "bad-input" } });
    expect(found.some(({ measured }) => measured !== null)).toBe(true);
    const other = found.filter(({ source }) => source !== first!.source);
    const before = (await measurements("out")).filter(({ source }) => source !== first!.source);
    expect(other).toEqual(before);
  });

  it("says that an image has changed since the run", { tags: ["long"] }, async () => {
    const folder = await copied("other");
    for (const name of files) await rm(join(cwd, folder, name));
    const results = await read(`${folder}/results.jsonl`);
    const moved = results.replace(/"box":\[([\d.]+),/, (_, x: string) => `"box":[${Number(x) + 1},`);
    await writeFile(join(cwd, folder, "results.jsonl"), moved);
    await rm(join(cwd, folder, "_SUCCESS"));
    await command("run", "--resume", "--out", folder, "--measure", "10000");
    const errors = (await measurements(folder)).flatMap(({ error }) => error?.message ?? []);
    expect(errors.filter((message) => message !== tooLittle)).toEqual([
      "Detection 0 is another one now: the image has changed since the run.",
    ]);
  });

  it.each([
    [["--measure", "0"], /--measure/],
    [["--measure", "2.5"], /--measure/],
    [["--measure", "many"], /--measure/],
    [["--measure", "5", "--per", "image"], /--measure measures the map of one detection\. It needs --per detection/],
    [["--measure", "5", "--backward-per-class"], /--measure measures the map of one detection/],
  ])("refuses %j before anything is done", async (argv, message) => {
    const { code, stderr } = await command("run", "p", "--out", "no", ...miniOptions, ...argv);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    await expect(read("no/manifest.json")).rejects.toThrow();
  });

  it("refuses a run whose maps are of several detections, and damaged files", { tags: ["long"] }, async () => {
    await command("run", "p", "--out", "classes", ...miniOptions, "--per", "class");
    const { code, stderr } = await command("run", "--resume", "--out", "classes", "--measure", "3");
    expect([code, stderr]).toEqual([2, expect.stringMatching(/this run has --per class/)]);
    const folder = await copied("damaged");
    await appendFile(join(cwd, folder, "sample.json"), "}");
    const damaged = await command("run", "--resume", "--out", folder, "--measure", String(asked));
    expect([damaged.code, damaged.stderr]).toEqual([3, expect.stringMatching(/sample\.json is damaged/)]);
  });
});
