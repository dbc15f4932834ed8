// @module-tag long

import { existsSync } from "node:fs";
import { cp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomSource } from "../../../core/test/support/random.js";
import { type Ending, interrupt, rounds, signals } from "../support/kill.js";
import { whybox } from "../support/launch.js";
import { record } from "./figures.js";
import { expectPart, expectWhole, type WholeRun, wholeRun } from "./whole-run.js";

const seed = Number(process.env.WHYBOX_SEED ?? 20261124);

/** Counts interruptions, and gives each its moment. */
class Interrupter {
  readonly figures: Record<Ending | "midway", number> = { SIGKILL: 0, SIGTERM: 0, SIGINT: 0, midway: 0 };
  readonly #random: () => number;
  readonly #wanted: number;
  #count = 0;

  constructor(wanted: number, seed: number) {
    this.#wanted = wanted;
    this.#random = randomSource(seed);
  }

  /** Interruptions that hit nothing prove nothing: a third must come while images are explained. */
  get wantsMore(): boolean {
    return this.#count < this.#wanted || this.figures.midway < Math.ceil(this.#wanted / 3);
  }

  /** Runs the command, and interrupts it until enough is enough. `check` looks at what each interruption leaves. */
  async finish(argv: readonly string[], { whole, folder, check }: Interrupted): Promise<void> {
    const file = (name: string) => join(folder, name);
    // It has begun to work: before, a signal hits what every command does.
    const begun = async (pid: number) =>
      (await readFile(file("lock"), "utf8").catch(() => "")).includes(`"pid":${pid},`) &&
      existsSync(file("results.jsonl"));
    while (this.wantsMore) {
      const signal = signals[this.#count % signals.length]!;
      const again = signal === "SIGINT" && this.#random() < 0.5 ? { again: 200 * this.#random() } : {};
      // From before there is a manifest to behind the last item.
      const after = argv.includes("merge") || this.#count % 4 === 0 ? {} : { after: begun };
      const options = { cwd: whole.cwd, signal, ms: whole.ms * this.#random() ** 2, ...after, ...again };
      if ((await interrupt(argv, options)) === "done") return;
      this.#count++;
      this.figures[signal]++;
      const there = await readdir(folder).catch((): string[] => []);
      if (there.includes("files") && !there.includes("_SUCCESS")) this.figures.midway++;
      await check();
    }
    expect(await whybox(argv, { cwd: whole.cwd })).toMatchObject({ code: 0 });
  }
}

interface Interrupted {
  readonly whole: WholeRun;
  /** Where the command writes. */
  readonly folder: string;
  check(): Promise<void>;
}

describe("signals at random moments", { timeout: rounds * 60_000 }, () => {
  let whole: WholeRun;
  beforeAll(async () => {
    whole = await wholeRun({ images: 100 });
  });
  afterAll(() => rm(whole.cwd, { recursive: true }));

  it("lose nothing of a run, do nothing twice and leave no torn file", async () => {
    const interrupter = new Interrupter(Math.ceil(0.4 * rounds), seed);
    for (let round = 0; interrupter.wantsMore; round++) {
      const note = `seed ${seed}, run ${round}`;
      const folder = join(whole.cwd, "out");
      const argv = ["run", ...whole.argv, "--out", "out", "--resume", "--workers", "2"];
      const check = async () => existsSync(folder) && (await expectPart(folder, whole, note));
      await interrupter.finish(argv, { whole, folder, check: async () => void (await check()) });
      await expectWhole(folder, whole, note);
      await rm(folder, { recursive: true });
    }
    record("signals to a run", interrupter.figures);
  });

  it("lose nothing of shards and of their merge", async () => {
    const { cwd, argv } = whole;
    const interrupter = new Interrupter(Math.ceil(0.3 * rounds), seed + 1);
    expect(await whybox(["shard", "plan", ...argv, "--out", "planned", "--shards", "2"], { cwd })).toMatchObject({
      code: 0,
    });
    for (let round = 0; interrupter.wantsMore; round++) {
      const note = `seed ${seed + 1}, run ${round}`;
      const out = join(cwd, "out");
      await cp(join(cwd, "planned"), out, { recursive: true });
      const check = () => expectPart(out, whole, note);
      for (const index of ["0", "1"]) {
        const folder = join(out, "shards", index.padStart(5, "0"));
        await interrupter.finish(["shard", "run", "out", index, "--workers", "1"], { whole, folder, check });
      }
      await interrupter.finish(["shard", "merge", "out"], { whole, folder: out, check });
      await expectWhole(out, whole, note);
      await rm(out, { recursive: true });
    }
    record("signals to shards", interrupter.figures);
  });
});
