// @module-tag long

import { chmod, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomSource } from "../../../core/test/support/random.js";
import { exists } from "../../src/io/exists.js";
import { rounds } from "../support/kill.js";
import { type Finished, whybox } from "../support/launch.js";
import { nobody, whyNotNobody } from "../support/refusals.js";
import { record } from "./figures.js";
import { expectPart, expectWhole, type WholeRun, wholeRun } from "./whole-run.js";

const seed = Number(process.env.WHYBOX_SEED ?? 20261129);
const turns = Math.ceil(0.1 * rounds);

describe.each([
  ["images, arrays and a video", true],
  ["lines only", false],
])("the folder of a run with %s", (kind, hasFiles) => {
  let whole: WholeRun;
  let folder: string;
  let argv: string[];
  const random = randomSource(seed);
  beforeAll(async () => {
    // Beside the folder of all tests, which only its owner may enter.
    whole = await wholeRun({ images: 60, parent: dirname(tmpdir()), hasFiles });
    await chmod(whole.cwd, 0o777);
    folder = join(whole.cwd, "out");
    argv = ["run", ...whole.argv, "--out", "out", "--resume", "--workers", "2"];
  });
  afterAll(() => rm(whole.cwd, { recursive: true }));

  /** Runs the command, and does something at a random moment after the first lines. */
  async function disturb(disturbance: () => Promise<void>, user: { readonly uid?: number } = {}): Promise<Finished> {
    let isRunning = true;
    const run = whybox(argv, { cwd: whole.cwd, ...user }).finally(() => {
      isRunning = false;
    });
    while (isRunning && !(await exists(join(folder, "results.jsonl")))) await setTimeout(2);
    await setTimeout(0.5 * whole.ms * random() ** 2);
    await disturbance();
    return run;
  }

  it("that vanishes ends the run, which starts again in a new one", { timeout: turns * 60_000 }, async () => {
    let hits = 0;
    for (let turn = 0; hits < turns; turn++) {
      const note = `seed ${seed}, turn ${turn}`;
      const { code, stderr } = await disturb(async () => {
        await rename(folder, `${folder}-gone`);
        await rm(`${folder}-gone`, { recursive: true });
      });
      if (code !== 0) {
        hits++;
        expect([code, stderr], note).toEqual([6, expect.stringMatching(/error: .*\(ENOENT\)/)]);
        expect(await whybox(argv, { cwd: whole.cwd }), note).toMatchObject({ code: 0 });
        await expectWhole(folder, whole, note);
      }
      await rm(folder, { recursive: true, force: true });
    }
    record(`vanishing folders, ${kind}`, hits);
  });

  it("that is moved away ends the run, which goes on when it is back", { timeout: turns * 60_000 }, async () => {
    const away = `${folder}-away`;
    let hits = 0;
    for (let turn = 0; hits < turns; turn++) {
      const note = `seed ${seed}, turn ${turn}`;
      const { code, stderr } = await disturb(() => rename(folder, away));
      await rm(folder, { recursive: true, force: true });
      await rename(away, folder);
      if (code !== 0) {
        hits++;
        expect([code, stderr], note).toEqual([6, expect.stringMatching(/error: .*\(ENOENT\)/)]);
        await expectPart(folder, whole, note);
        expect(await whybox(argv, { cwd: whole.cwd }), note).toMatchObject({ code: 0 });
        await expectWhole(folder, whole, note);
      }
      await rm(folder, { recursive: true });
    }
    record(`folders that are moved away, ${kind}`, hits);
  });

  it.skipIf(process.platform === "win32")(
    "that becomes read-only ends the run, which goes on later",
    { timeout: turns * 60_000 },
    async (test) => {
      // Root may write everywhere, so that root runs the program as somebody else.
      const isRoot = process.getuid?.() === 0;
      const why = isRoot ? whyNotNobody(whole.cwd) : undefined;
      if (why !== undefined) return test.skip(why);
      const user = isRoot ? { uid: nobody } : {};
      const parts = ["files/0000", "tmp", "."];
      let hits = 0;
      for (let turn = 0; hits < turns; turn++) {
        const note = `seed ${seed}, turn ${turn}`;
        const allow = (mode: number) =>
          Promise.all(parts.map((part) => chmod(join(folder, part), mode).catch(() => undefined)));
        const { code, stderr } = await disturb(async () => void (await allow(0o555)), user);
        await allow(0o755);
        if (code !== 0) {
          hits++;
          expect([code, stderr], note).toEqual([
            6,
            expect.stringMatching(/error: .*: writing there is not permitted \(EACCES\)\. Change the permissions/),
          ]);
          await expectPart(folder, whole, note);
          expect(await whybox(argv, { cwd: whole.cwd, ...user }), note).toMatchObject({ code: 0 });
          await expectWhole(folder, whole, note);
        }
        await rm(folder, { recursive: true });
      }
      record(`read-only folders, ${kind}`, hits);
    },
  );
});
