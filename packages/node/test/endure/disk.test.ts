// @module-tag long

import { cp, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomSource } from "../../../core/test/support/random.js";
import { rounds } from "../support/kill.js";
import { bin, type Finished, launch, whybox } from "../support/launch.js";
import { whyNoDisk } from "../support/refusals.js";
import { record } from "./figures.js";
import { expectPart, expectWhole, type WholeRun, wholeRun } from "./whole-run.js";

const seed = Number(process.env.WHYBOX_SEED ?? 20261128);

let whole: WholeRun;
beforeAll(async () => {
  whole = await wholeRun({ images: 40 });
});
afterAll(() => rm(whole.cwd, { recursive: true }));

const cwdFile = (path: string) => join(whole.cwd, path);

interface SmallDisk {
  /** What is on the disk at first. */
  readonly before: string;
  readonly kb: number;
  readonly argv: readonly string[];
}

/** The ends of a command on a disk of its own: the first while it is small, the second after it has grown. Copies: `middle`, `end`. */
async function onSmallDisk({ before, kb, argv }: SmallDisk): Promise<Pick<Finished, "code" | "stderr">[]> {
  const script = `mount -t tmpfs -o size=$1k none out || exit 99; cp -R "$2/." out || exit 98; shift 2
"$@" 2> 1.txt; echo $? > 1.code; cp -R out middle; mount -o remount,size=64m out || exit 97
"$@" 2> 2.txt; echo $? > 2.code; cp -R out end`;
  for (const folder of ["out", "middle", "end"]) await rm(cwdFile(folder), { recursive: true, force: true });
  await mkdir(cwdFile("out"));
  const program = ["unshare", "-Urm", "sh", "-c", script, "sh", String(kb), before, process.execPath, bin, ...argv];
  expect(await launch(program, { cwd: whole.cwd })).toMatchObject({ code: 0 });
  const end = async (n: number) => ({
    code: Number(await readFile(cwdFile(`${n}.code`), "utf8")),
    stderr: await readFile(cwdFile(`${n}.txt`), "utf8"),
  });
  return Promise.all([end(1), end(2)]);
}

/** So many kilobytes a folder needs on a disk of pages. */
const sizeOf = async (folder: string) => {
  const { stdout } = await launch(["du", "-sk", "--apparent-size", folder], { cwd: whole.cwd });
  const { stdout: pages } = await launch(["du", "-sk", folder], { cwd: whole.cwd });
  return Math.max(Number.parseInt(stdout, 10), Number.parseInt(pages, 10));
};

const full = /error: .*: the disk is full \(ENOSPC\)\. Free some space/;

describe("a disk that is full after any number of bytes", { timeout: rounds * 60_000 }, () => {
  it("stops a run, which goes on when there is space, and loses nothing", async (test) => {
    const why = whyNoDisk(cwdFile("p"));
    if (why !== undefined) return test.skip(why);
    const random = randomSource(seed);
    await mkdir(cwdFile("nothing"));
    const size = await sizeOf("whole");
    const figures = { full: 0, fits: 0 };
    for (let round = 0; figures.full < Math.ceil(0.6 * rounds); round++) {
      // Small disks fill before the run has begun.
      const kb = 4 + Math.floor(size * random() ** 2);
      const note = `seed ${seed}, round ${round}, ${kb} kB`;
      const argv = ["run", ...whole.argv, "--out", "out", "--resume", "--workers", "2"];
      const [first, second] = await onSmallDisk({ before: "nothing", kb, argv });
      figures[first!.code === 0 ? "fits" : "full"]++;
      if (first!.code !== 0) expect([first!.code, first!.stderr], note).toEqual([6, expect.stringMatching(full)]);
      await expectPart(cwdFile("middle"), whole, note);
      expect([second!.code, second!.stderr], note).toEqual([0, expect.any(String)]);
      await expectWhole(cwdFile("end"), whole, note);
    }
    record("full disks under a run", figures);
  });

  it("stops shards and their merge", async (test) => {
    const why = whyNoDisk(cwdFile("p"));
    if (why !== undefined) return test.skip(why);
    const random = randomSource(seed + 1);
    const { cwd, argv } = whole;
    const shard = (...rest: string[]) => whybox(["shard", ...rest], { cwd });
    expect(await shard("plan", ...argv, "--out", "planned", "--shards", "2")).toMatchObject({ code: 0 });
    await cp(cwdFile("planned"), cwdFile("done"), { recursive: true });
    for (const index of ["0", "1"]) expect(await shard("run", "done", index)).toMatchObject({ code: 0 });
    const [planned, done] = [await sizeOf("planned"), await sizeOf("done")];
    const figures = { full: 0, fits: 0 };
    for (let round = 0; figures.full < Math.ceil(0.4 * rounds); round++) {
      const merges = round % 2 === 0;
      // A merge copies the lines.
      const kb = merges
        ? done + Math.floor(200 * random())
        : planned + 4 + Math.floor(((done - planned) / 2) * random());
      const note = `seed ${seed + 1}, round ${round}, ${kb} kB`;
      const [first, second] = await onSmallDisk({
        before: merges ? "done" : "planned",
        kb,
        argv: merges ? ["shard", "merge", "out"] : ["shard", "run", "out", "1"],
      });
      figures[first!.code === 0 ? "fits" : "full"]++;
      if (first!.code !== 0) expect([first!.code, first!.stderr], note).toEqual([6, expect.stringMatching(full)]);
      await expectPart(cwdFile("middle"), whole, note);
      expect([second!.code, second!.stderr], note).toEqual([0, expect.any(String)]);
      if (merges) await expectWhole(cwdFile("end"), whole, note);
      else await expectPart(cwdFile("end"), whole, note);
    }
    record("full disks under shards", figures);
  });
});
