import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { execute, type Work } from "../../src/runs/execute.js";
import { ordered } from "../../src/runs/ordered.js";
import type { Manifest, RunItem } from "../../src/runs/schema.js";
import { writeItems } from "../../src/runs/sources/item-list.js";
import type { Explainers, Outcome, Task } from "../../src/runs/task.js";
import { contents, lines } from "./world.js";

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "whybox-execute-"));
  folder = join(root, "out");
  await mkdir(folder);
});

/** The rest of the shortest line with detections. */
const short = {
  ...{ size: [1, 1], fps: null, frames: 1, stride: 1, warning: null },
  files: { video: "", frames: "", maps: "" },
};

/** Answers as the test says, after a time that mixes up the order. */
function fake(answer: (task: Task) => Outcome | undefined = () => undefined): Explainers & { readonly seen: number[] } {
  const seen: number[] = [];
  return {
    seen,
    window: 4,
    report: () => Promise.reject(new Error("not used")),
    close: async () => {},
    measure: () => Promise.reject(new Error("not used")),
    explain: async (task) => {
      seen.push(task.item);
      await setTimeout((task.item * 7) % 5);
      const line = { v: 1, item: task.item, source: "s", kind: "video", ...short, detections: 2 };
      const ms = { decode: 1, explain: 1, measure: 1, write: 1 };
      const parts = { result: JSON.stringify(line), maps: JSON.stringify({ v: 1, item: task.item, maps: [] }), ms };
      return [answer(task) ?? { ok: true, ...parts, detections: 2, files: [], overlay: undefined }];
    },
  };
}

const failed = (code: string, reason?: string, endsTheRun = false): Outcome => ({
  ...{ ok: false, code, message: `no: ${code}`, reason, endsTheRun },
});

async function work(count: number, more: Partial<Work> = {}): Promise<Work> {
  const items = join(root, "items.jsonl");
  async function* all(): AsyncGenerator<RunItem> {
    for (let i = 0; i < count; i++) yield { kind: "image", source: `p/${String(i).padStart(3, "0")}.png` };
  }
  await mkdir(join(root, "p"), { recursive: true });
  await writeItems(all(), items, root);
  // Of the manifest only these are looked at.
  const manifest = { root, options: { vidStride: 1, mapStride: 1, maxFrames: null } } as unknown as Manifest;
  const signal = new AbortController().signal;
  return { manifest, items, first: 0, end: count, folder, skipMissing: false, signal, ...more };
}

const run = (given: Work, explainers: Explainers) => execute(given, async () => explainers);
const written = async () =>
  (await lines<{ item: number; kind: string }>(join(folder, "results.jsonl"))).map((one) => one);

describe("execute", () => {
  it("writes the items in their order, and a mark when all are there; again it does nothing", async () => {
    const explainers = fake();
    const progress: number[] = [];
    const given = await work(30, { onProgress: ({ done }) => void progress.push(done) });
    const mark = await run(given, explainers);
    expect((await written()).map(({ item }) => item)).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(mark).toMatchObject({ first: 0, end: 30, failures: 0, detections: 60 });
    expect(progress.at(-1)).toBe(30);
    expect((await readdir(folder)).sort()).toEqual([
      "_SUCCESS",
      "machines.json",
      "maps.jsonl",
      "results.jsonl",
      "timings.jsonl",
    ]);
    await expect(execute(given, () => Promise.reject(new Error("no workers are needed")))).resolves.toEqual(mark);
  });

  it("does a part by itself, with the numbers of the whole", async () => {
    await run(await work(30, { first: 10, end: 13 }), fake());
    expect((await written()).map(({ item }) => item)).toEqual([10, 11, 12]);
  });

  it("writes failures down and goes on", async () => {
    const told: string[] = [];
    const given = await work(6, { onFailure: (source, message) => void told.push(`${source} ${message}`) });
    const mark = await run(
      given,
      fake(({ item }) => (item % 2 === 1 ? failed("bad-input") : undefined)),
    );
    expect((await written()).map(({ kind }) => kind)).toEqual(Array(3).fill(["video", "failure"]).flat());
    expect([mark.failures, told[0]]).toEqual([3, "p/001.png no: bad-input"]);
  });

  it.each([
    ["what every item would meet", failed("output", undefined, true), 5, "output"],
    ["a runtime that refuses the first", failed("runtime"), 0, "runtime"],
  ])("stops at %s, keeps what is done, and goes on from there", async (_, outcome, at, code) => {
    const given = await work(12);
    const refused = run(
      given,
      fake(({ item }) => (item === at ? outcome : undefined)),
    );
    await expect(refused).rejects.toMatchObject({ code });
    expect(await written()).toHaveLength(at);
    expect(await readdir(folder)).not.toContain("_SUCCESS");
    const again = fake();
    await run(given, again);
    expect(again.seen).toEqual(Array.from({ length: 12 - at }, (_, i) => at + i));
    expect(await written()).toHaveLength(12);
  });

  it("finishes what is under way when it is stopped", async () => {
    const stop = new AbortController();
    const explainers = fake(({ item }) => void (item === 9 && stop.abort(new Error("Ctrl-C"))));
    const given = await work(1000, { signal: stop.signal });
    await expect(run(given, explainers)).rejects.toMatchObject({ code: "aborted" });
    const done = await written();
    expect(done).toHaveLength(explainers.seen.length);
    expect(done.length).toBeLessThan(20);
    await expect(run({ ...given, end: 30 }, fake())).rejects.toMatchObject({ code: "aborted" });
    const mark = await run({ ...given, end: 30, signal: new AbortController().signal }, fake());
    expect(mark.detections).toBe(60);
  });

  it("gives the same bytes however the work falls", async () => {
    await run(
      await work(25),
      fake(({ item }) => (item === 4 ? failed("limit") : undefined)),
    );
    const first = await contents(folder);
    await rm(folder, { recursive: true });
    await mkdir(folder);
    await run(await work(25), { ...fake(({ item }) => (item === 4 ? failed("limit") : undefined)), window: 1 });
    expect(await contents(folder)).toEqual(first);
  });

  it("refuses a folder with more lines than items", async () => {
    await run(await work(5), fake());
    await rm(join(folder, "_SUCCESS"));
    await expect(run(await work(3), fake())).rejects.toThrow(/has lines for 5 items; expected at most 3/);
  });

  it("says that the folder is gone, and not that a file is damaged", async () => {
    const onProgress: Work["onProgress"] = ({ done }) => done === 5 && rmSync(folder, { recursive: true });
    await expect(run(await work(5, { onProgress }), fake())).rejects.toMatchObject({
      ...{ code: "output", message: expect.stringMatching(/ENOENT/) },
    });
  });

  it("refuses a mark that the files do not bear out", async () => {
    await run(await work(5), fake());
    await writeFile(join(folder, "maps.jsonl"), "");
    await expect(run(await work(5), fake())).rejects.toThrow(/maps\.jsonl is damaged: it has 0 bytes, and _SUCCESS/);
  });
});

describe("a source that goes away", () => {
  const gone = (items: (item: number) => boolean) =>
    fake(({ item }) => (items(item) ? failed("bad-input", "ENOENT") : undefined));

  it("is a failure when it is one file", async () => {
    await expect(
      run(
        await work(8),
        gone((item) => item === 3 || item > 5),
      ),
    ).resolves.toMatchObject({ failures: 3 });
  });

  it("stops the run when many in a row are gone: nothing is written of them, and they are tried again", async () => {
    const given = await work(60);
    await expect(
      run(
        given,
        gone((item) => item >= 20),
      ),
    ).rejects.toThrow(/p\/035\.png is missing, and the 15 files before it are missing too/);
    expect(await written()).toHaveLength(20);
    expect(await run(given, fake())).toMatchObject({ failures: 0, detections: 120 });
  });

  it("stops the run when its folder is gone, too, or nothing is there", async () => {
    const given = await work(4);
    await expect(
      run(
        given,
        gone(() => true),
      ),
    ).rejects.toThrow(/all other sources are missing too/);
    await rm(join(root, "p"), { recursive: true });
    await expect(
      run(
        given,
        gone((item) => item === 2),
      ),
    ).rejects.toThrow(/its folder .* is missing too/);
    expect(await written()).toHaveLength(2);
  });

  it("is a failure like others where that is asked for", async () => {
    await expect(
      run(
        await work(40, { skipMissing: true }),
        gone(() => true),
      ),
    ).resolves.toMatchObject({ failures: 40 });
  });
});

it("ordered gives results in order, of so many at once at most", async () => {
  let [under, most] = [0, 0];
  async function* numbers() {
    for (let i = 0; i < 50; i++) yield i;
  }
  const found: number[] = [];
  const square = async (n: number) => {
    most = Math.max(most, ++under);
    await setTimeout((n * 13) % 7);
    under--;
    return n * n;
  };
  for await (const [n, result] of ordered(numbers(), 6, square)) {
    expect(result).toBe(n * n);
    found.push(n);
  }
  expect(found).toEqual(Array.from({ length: 50 }, (_, i) => i));
  expect(most).toBe(6);
});

it("ordered ends only when nothing is under way, though something fails or no more is taken", async () => {
  async function* numbers() {
    for (let i = 0; i < 50; i++) yield i;
  }
  for (const failing of [5, 100]) {
    let under = 0;
    const wait = async (n: number) => {
      under++;
      await setTimeout(n === failing ? 1 : 20);
      under--;
      if (n === failing) throw new Error("no");
      return n;
    };
    const take = async () => {
      for await (const [n] of ordered(numbers(), 6, wait)) if (n === 8) break;
    };
    if (failing === 5) await expect(take()).rejects.toThrow("no");
    else await take();
    expect(under).toBe(0);
  }
});
