import { appendFile, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { shardPlanSchema } from "../../../src/runs/schema.js";
import { rangesText } from "../../../src/runs/shards/verify.js";
import { whybox } from "../../support/launch.js";
import { imageNames, miniOptions, putImages, runWorld } from "../world.js";
import { merged, planOptions } from "./world.js";

const images = 40;

let cwd: string;
let whole: Record<string, string>;
const shard = (...argv: string[]) => whybox(["shard", ...argv], { cwd });
const plan = (...argv: string[]) => shard("plan", "p", "--out", "out", "--save", "png", ...planOptions, ...argv);
const read = (path: string) => readFile(join(cwd, path), "utf8");

beforeAll(async () => {
  cwd = await runWorld();
  await putImages(cwd, imageNames(images));
  await writeFile(join(cwd, "p/bad.png"), "I am no image.");
  expect(await whybox(["run", "p", "--out", "whole", "--save", "png", ...miniOptions], { cwd })).toMatchObject({
    code: 0,
  });
  whole = await merged(join(cwd, "whole"));
  expect(await plan("--shards", "3")).toMatchObject({ code: 0 });
  await cp(join(cwd, "out"), join(cwd, "planned"), { recursive: true });
  for (const i of [0, 1, 2]) expect(await shard("run", "out", String(i))).toMatchObject({ code: 0 });
  await cp(join(cwd, "out"), join(cwd, "done"), { recursive: true });
}, 600_000);

/** Puts the run back to where it was. */
const restore = async (from: "planned" | "done") => {
  await rm(join(cwd, "out"), { recursive: true, force: true });
  await cp(join(cwd, from), join(cwd, "out"), { recursive: true });
};

// Minutes, where many things are done at once: each test starts some processes.
describe("whybox shard plan", { timeout: 300_000 }, () => {
  beforeEach(() => restore("planned"));

  it("cuts the item list into equal parts and tells where their lines begin", async () => {
    const { shards } = shardPlanSchema.parse(JSON.parse(await read("out/shards.json")));
    const items = Buffer.from(await read("out/items.jsonl"));
    expect(shards.map(({ first }) => first)).toEqual([0, 1, 2].map((i) => Math.floor((i * (images + 1)) / 3)));
    expect(shards.map(({ end }) => end)).toEqual([...shards.slice(1).map(({ first }) => first), images + 1]);
    for (const { first, offset } of shards) {
      expect(items.subarray(0, offset).toString().split("\n").length - 1).toBe(first);
      expect(JSON.parse(items.subarray(offset).toString().split("\n")[0]!).kind).toBe("image");
    }
  });

  it("does nothing when it is there, and refuses another number, other options and a run that one machine began", {
    tags: ["long"],
  }, async () => {
    const before = await read("out/shards.json");
    expect(await plan("--shards", "3")).toMatchObject({ code: 0 });
    expect(await read("out/shards.json")).toBe(before);
    const other = await plan("--shards", "4");
    expect([other.code, other.stderr]).toEqual([2, expect.stringMatching(/already split into 3 shards, not 4/)]);
    const differs = await plan("--shards", "3", "--conf", "0.02");
    expect([differs.code, differs.stderr]).toEqual([
      2,
      expect.stringMatching(/options\.explain\.confidence: 0\.01 in the run, 0\.02 now/),
    ]);
    await rm(join(cwd, "out/shards.json"));
    await writeFile(join(cwd, "out/results.jsonl"), "");
    const begun = await plan("--shards", "3");
    expect([begun.code, begun.stderr]).toEqual([2, expect.stringMatching(/started by whybox run/)]);
  });

  it("refuses more shards than items, and can be asked again", async () => {
    await rm(join(cwd, "out"), { recursive: true });
    const { code, stderr } = await plan("--shards", "9999");
    expect([code, stderr]).toEqual([2, expect.stringMatching(new RegExp(`has ${images + 1} items.* at most`))]);
    expect(await plan("--shards", "3")).toMatchObject({ code: 0 });
    expect(await read("out/shards.json")).toBe(await read("planned/shards.json"));
  });

  it("says what is missing", async () => {
    const { code, stderr } = await shard("plan", "p", "--out", "x");
    expect([code, stderr]).toEqual([2, expect.stringMatching(/--shards is missing/)]);
    const none = await shard("plann");
    expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/no command "plann".*Did you mean "plan"/)]);
  });
});

describe("whybox shard run and merge", { timeout: 300_000 }, () => {
  it("make what one machine makes, byte for byte, and do nothing when it is done", async () => {
    await restore("done");
    const { code, stderr } = await shard("merge", "out");
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^Merged 3 shards: \d+ sources, \d+ detections, 1 failed; /),
    ]);
    expect(await merged(join(cwd, "out"))).toEqual(whole);
    expect((await read("out/timings.jsonl")).split("\n")).toHaveLength(images + 2);
    expect(await shard("merge", "out")).toMatchObject({ code: 0 });
    const late = await shard("run", "out", "1");
    expect([late.code, late.stderr]).toEqual([0, "Shard 1 is done, and the run is already merged.\n"]);
    expect(await merged(join(cwd, "out"))).toEqual(whole);
  });

  it("need no shared disk: machines may have copies of the run, and give back what they have done", {
    tags: ["long"],
  }, async () => {
    await restore("planned");
    for (const i of [0, 1, 2]) {
      const [copy, place] = [`machine-${i}/night`, `shards/0000${i}`];
      await cp(join(cwd, "planned"), join(cwd, copy), { recursive: true });
      expect(await shard("run", copy, String(i))).toMatchObject({ code: 0 });
      await cp(join(cwd, copy, place), join(cwd, "out", place), { recursive: true });
    }
    expect(await shard("merge", "out")).toMatchObject({ code: 0 });
    expect(await merged(join(cwd, "out"))).toEqual(whole);
  });

  it("leave a shard alone that is done", async () => {
    await restore("done");
    const marked = "I was there before.";
    await writeFile(join(cwd, "out/shards/00001/timings.jsonl"), marked);
    expect(await shard("run", "out", "1")).toMatchObject({ code: 0 });
    expect(await read("out/shards/00001/timings.jsonl")).toBe(marked);
  });

  it.each<[string, (folder: string) => Promise<unknown>, RegExp]>([
    ["is not done", (f) => rm(join(f, "_SUCCESS")), /1 of 3 shards is not done: 1\. /],
    ["is not there", (f) => rm(f, { recursive: true }), /1 of 3 shards is not done: 1\. /],
    [
      "is another one's",
      (f) => cp(join(f, "../00002"), f, { recursive: true }),
      /00001 is a shard of another run: .* has first/,
    ],
    [
      "has lost a byte",
      async (f) => writeFile(join(f, "maps.jsonl"), (await readFile(join(f, "maps.jsonl"))).subarray(1)),
      /maps\.jsonl is damaged: it has \d+ bytes/,
    ],
    [
      "has another byte",
      async (f) =>
        writeFile(
          join(f, "maps.jsonl"),
          (await readFile(join(f, "maps.jsonl"), "latin1")).replace(/.(?="\}\]\}\n$)/, "!"),
        ),
      /maps\.jsonl is damaged: its digest/,
    ],
    [
      "has a line too many",
      (f) => appendFile(join(f, "timings.jsonl"), "{}\n"),
      /timings\.jsonl is damaged: it has \d+ lines; expected \d+/,
    ],
    ["has lost its images", (f) => rm(join(f, "files"), { recursive: true }), /00001\/files\/0000\/.*\.png is missing/],
  ])("refuse a shard that %s", { tags: ["long"] }, async (_, damage, message) => {
    await restore("done");
    await damage(join(cwd, "out/shards/00001"));
    const { code, stderr } = await shard("merge", "out");
    expect([code, stderr]).toEqual([3, expect.stringMatching(message)]);
    expect(await read("out/shards/00000/results.jsonl")).not.toBe("");
  });

  it("refuse a plan of another manifest, and shards that the plan does not have", { tags: ["long"] }, async () => {
    await restore("done");
    const far = await shard("run", "out", "3");
    expect([far.code, far.stderr]).toEqual([2, expect.stringMatching(/Shard 3: the run has 3 shards, 0 to 2\./)]);
    await appendFile(join(cwd, "out/manifest.json"), "\n");
    for (const argv of [
      ["merge", "out"],
      ["run", "out", "0"],
    ]) {
      const { code, stderr } = await shard(...argv);
      expect([code, stderr]).toEqual([3, expect.stringMatching(/shards\.json belongs to another run/)]);
    }
    const unplanned = await shard("run", "whole", "0");
    expect([unplanned.code, unplanned.stderr]).toEqual([2, expect.stringMatching(/is not split into shards/)]);
  });

  it("refuse a shard that another process works on", async () => {
    await restore("planned");
    const lock = {
      host: (await import("node:os")).hostname(),
      pid: process.pid,
      started: await startOf(process.pid),
      id: "x",
    };
    await mkdir(join(cwd, "out/shards/00000"), { recursive: true });
    await writeFile(join(cwd, "out/shards/00000/lock"), JSON.stringify(lock));
    const { code, stderr } = await shard("run", "out", "0");
    expect([code, stderr]).toEqual([6, expect.stringMatching(/is writing this run\. Wait for it or stop it\.\n/)]);
  });
});

it("writes numbers of shards as ranges", () => {
  expect(rangesText([0, 3, 4, 5, 7])).toBe("0, 3-5, 7");
  expect(rangesText(Array.from({ length: 50 }, (_, i) => 2 * i))).toMatch(/, 38, …$/);
});

async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
