import { appendFile, cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openRun, readRun } from "../../src/report/read-run.js";
import { execute, type Work } from "../../src/runs/execute.js";
import { readManifest } from "../../src/runs/manifest.js";
import { repairRun } from "../../src/runs/repair.js";
import { noTime, runItems } from "../../src/runs/schema.js";
import type { Explainers } from "../../src/runs/task.js";
import { whybox } from "../support/launch.js";
import { planOptions } from "./shards/world.js";
import { contents, imageNames, miniOptions, putImages, runWorld } from "./world.js";

let cwd: string;
let out: string;
let whole: Record<string, string>;
let good: { readonly results: readonly string[]; readonly maps: readonly string[] };
beforeAll(async () => {
  cwd = await runWorld();
  out = join(cwd, "out");
  await putImages(cwd, imageNames(6));
  expect(await run("p", "--out", "whole", "--save", "png", ...miniOptions)).toMatchObject({ code: 0 });
  whole = await contents(join(cwd, "whole"));
  good = { results: await linesOf("whole/results.jsonl"), maps: await linesOf("whole/maps.jsonl") };
});
beforeEach(async () => {
  await rm(out, { recursive: true, force: true });
  await cp(join(cwd, "whole"), out, { recursive: true });
});

const run = (...argv: string[]) => whybox(["run", ...argv], { cwd });
const linesOf = async (path: string) => (await readFile(join(cwd, path), "utf8")).trimEnd().split("\n");
const change = async (name: string, edit: (lines: string[]) => string[]) =>
  writeFile(
    join(out, name),
    edit(await linesOf(`out/${name}`))
      .map((line) => `${line}\n`)
      .join(""),
  );
const unfinished = () => rm(join(out, "_SUCCESS"));

async function work(): Promise<Work> {
  const manifest = (await readManifest(out))!;
  return {
    ...{ manifest, items: runItems(out), first: 0, end: 6, folder: out, skipMissing: false },
    signal: new AbortController().signal,
  };
}

/** Completes the run with the lines that it had. Returns the items that were explained again. */
async function complete(): Promise<number[]> {
  const again: number[] = [];
  const explainers: Explainers = {
    window: 2,
    report: () => Promise.reject(new Error("not asked")),
    explain: async (task) => {
      again.push(task.item);
      const [result, maps] = [good.results[task.item]!, good.maps[task.item]!];
      return [{ ok: true, result, maps, ms: noTime, detections: 1, files: [], overlay: undefined }];
    },
    measure: () => Promise.reject(new Error("not asked")),
    close: async () => undefined,
  };
  await execute(await work(), async () => explainers);
  return again.sort();
}

const withoutBackup = async () =>
  Object.fromEntries(Object.entries(await contents(out)).filter(([path]) => !path.startsWith("damaged")));

type Case = readonly [
  what: string,
  damage: () => Promise<unknown>,
  refused: RegExp | undefined,
  found: RegExp,
  again: readonly number[],
];

const cases: readonly Case[] = [
  [
    "a torn line",
    () => change("results.jsonl", (all) => all.with(2, all[2]!.slice(0, 60))),
    /results\.jsonl, line 3 is damaged: it is cut off, or no JSON: \{"v":1,"item":2/,
    /^results\.jsonl, line 3: it is cut off/,
    [2],
  ],
  [
    "NUL bytes of a power failure",
    () => change("maps.jsonl", (all) => all.with(1, `${all[1]!.slice(0, 40)}\0\0\0${all[1]!.slice(43)}`)),
    /maps\.jsonl, line 2 is damaged: it has NUL bytes/,
    /^maps\.jsonl, line 2: it has NUL bytes/,
    [1],
  ],
  [
    "a foreign line",
    () => change("results.jsonl", (all) => all.toSpliced(3, 0, '{"level":30,"msg":"a log"}')),
    /results\.jsonl, line 4 is damaged: it is no line of a run/,
    /^results\.jsonl, line 4: it is no line of this file/,
    [],
  ],
  [
    "a line of another run",
    () => change("results.jsonl", (all) => all.with(3, all[3]!.replace("p/003.png", "q/x.png"))),
    undefined,
    /^item 3 is p\/003\.png, and its line is of q\/x\.png$/,
    [3],
  ],
  [
    "a line twice",
    () => change("results.jsonl", (all) => all.toSpliced(2, 0, all[1]!)),
    /results\.jsonl, line 3 is damaged: it is of item 1, expected item 2/,
    /^results\.jsonl, line 3: it is of item 1, expected item 2/,
    [],
  ],
  [
    "a missing line",
    () => change("maps.jsonl", (all) => all.toSpliced(4, 1)),
    // It looks like a crash, so --resume completes it without a word.
    undefined,
    /^maps\.jsonl, line 5: it is of item 5/,
    [4],
  ],
  [
    "no maps",
    () => rm(join(out, "maps.jsonl")),
    /maps\.jsonl is damaged: the file is missing/,
    /^item 0: maps\.jsonl/,
    [0, 1, 2, 3, 4, 5],
  ],
  [
    "no times",
    () => rm(join(out, "timings.jsonl")),
    /timings\.jsonl is damaged: the file is missing/,
    /^item 0: timings/,
    [],
  ],
  [
    "an image that is gone",
    () => rm(join(out, "files/0000/5-005.png")),
    undefined,
    /^item 5: files\/0000\/5-005\.png is missing$/,
    [5],
  ],
];

describe("a damaged run", () => {
  it.each(cases)("with %s keeps what is whole, and explains the rest", async (_, damage, refused, found, again) => {
    await unfinished();
    await damage();
    const before = Object.fromEntries(Object.entries(await contents(out)).filter(([path]) => path.endsWith(".jsonl")));
    if (refused !== undefined) await expect(complete()).rejects.toThrow(refused);
    const repaired = await repairRun(await work());
    expect(repaired?.damages.join("\n")).toMatch(new RegExp(found, "m"));
    expect(repaired).toMatchObject({ kept: 6 - again.length, rest: again.length, backup: join(out, "damaged") });
    // The damaged files are beside it as they were.
    for (const [path, bytes] of Object.entries(await contents(join(out, "damaged")))) expect(bytes).toBe(before[path]);
    expect(await complete()).toEqual(again);
    // An image that is gone is only written by a real explanation.
    if (again[0] !== 5) expect(await withoutBackup()).toEqual(whole);
    expect(await readdir(out)).not.toContain("kept");
    if (again[0] !== 5) expect(await repairRun(await work())).toBeUndefined();
  });

  it("that is finished is repaired too, and again after a stop at any place", async () => {
    await change("results.jsonl", (all) => all.with(4, all[4]!.replace(/^./, "x")));
    expect(await repairRun(await work())).toMatchObject({ kept: 5, rest: 1 });
    // Stopped after some of the kept lines were added, and damaged again.
    await cp(join(out, "kept/results.jsonl"), join(out, "results.jsonl"));
    await appendFile(join(out, "results.jsonl"), "{}\n");
    expect(await repairRun(await work())).toMatchObject({ kept: 5, rest: 1, backup: join(out, "damaged-2") });
    expect(await complete()).toEqual([4]);
    expect(await withoutBackup()).toEqual(whole);
  });

  it("that is finished and has a changed byte that no line shows is explained again as a whole", async () => {
    await change("results.jsonl", (all) =>
      all.with(
        0,
        all[0]!.replace(/(?<=\d\.\d*)\d(?=[,\]}])/, (digit) => String((Number(digit) + 1) % 10)),
      ),
    );
    const repaired = await repairRun(await work());
    expect(repaired).toMatchObject({ kept: 0, rest: 6 });
    expect(repaired?.damages.join()).toMatch(/^results\.jsonl has another digest than in _SUCCESS/);
    expect(await complete()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await withoutBackup()).toEqual(whole);
  });

  it("that is whole is left alone, and what a crash leaves is no damage", async () => {
    expect(await repairRun(await work())).toBeUndefined();
    await unfinished();
    await appendFile(join(out, "results.jsonl"), '{"v":1,"item":6,"sou');
    await change("maps.jsonl", (all) => all.slice(0, 4));
    await appendFile(join(out, "maps.jsonl"), "\0\0\0\0");
    expect(await complete()).toEqual([4, 5]);
    expect(await withoutBackup()).toEqual(whole);
  });

  it("is named by the readers, with the command that repairs it", async () => {
    await change("results.jsonl", (all) => all.with(1, "half a li"));
    const read = async () => {
      for await (const _ of readRun(await openRun(out)));
    };
    await expect(read()).rejects.toThrow(
      `results.jsonl, line 2 is damaged: it is cut off, or no JSON: half a li. Keep what is whole and explain the rest again: whybox run --resume --repair --out ${out}`,
    );
  });

  it("ends with exit code 3 and the line, and --repair completes it", async () => {
    await unfinished();
    await change("results.jsonl", (all) => all.with(2, all[2]!.slice(0, 30)));
    const refused = await run("--resume", "--out", "out");
    expect([refused.code, refused.stderr]).toEqual([
      3,
      expect.stringMatching(/line 3 is damaged: .* --resume --repair/),
    ]);
    const { code, stderr } = await run("--repair", "--out", "out");
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(
        /^results\.jsonl, line 3: it is cut off.*\nKept 5 items; one is explained\. The damaged files are in out\/damaged\.\n6 sources: /,
      ),
    ]);
    expect(await withoutBackup()).toEqual(whole);
  });
});

it("repair of a run that is whole changes nothing, and of a folder without a run says so", async () => {
  const before = await contents(out);
  const whole = await run("--repair", "--out", "out");
  expect([whole.code, whole.stderr]).toEqual([0, expect.stringMatching(/^Nothing is damaged\.\n6 sources: /)]);
  expect(await contents(out)).toEqual(before);
  for (const folder of ["p", "nowhere"]) {
    const { code, stderr } = await run("--repair", "--out", folder);
    expect([code, stderr]).toEqual([
      3,
      expect.stringMatching(/ is not a run: it has no manifest\.json\. Pass sources/),
    ]);
  }
});

it("a damaged shard is repaired by its own command", async () => {
  const shard = (...argv: string[]) => whybox(["shard", ...argv], { cwd });
  expect(await shard("plan", "p", "--out", "split", "--shards", "2", ...planOptions)).toMatchObject({ code: 0 });
  expect(await shard("run", "split", "1")).toMatchObject({ code: 0 });
  const path = "split/shards/00001/results.jsonl";
  const before = await linesOf(path);
  await writeFile(join(cwd, path), `${before.with(1, "half a line").join("\n")}\n`);
  const refused = await shard("run", "split", "1");
  expect([refused.code, refused.stderr]).toEqual([3, expect.stringMatching(/whybox shard run .*split 1 --repair/)]);
  const { code, stderr } = await shard("run", "split", "1", "--repair");
  expect([code, stderr]).toEqual([0, expect.stringMatching(/^results\.jsonl, line 2: .*\nKept 2 items; one is/m)]);
  expect(await linesOf(path)).toEqual(before);
});
