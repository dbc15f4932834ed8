// @module-tag long

import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { randomSource } from "../../../core/test/support/random.js";
import { kills, whyboxKilled } from "../support/kill.js";
import { whybox } from "../support/launch.js";
import { contents, imageNames, lines, miniOptions, putImages, runWorld } from "./world.js";

const images = 120;
/** So many kills at least come while images are explained: kills that hit nothing prove nothing. */
const hits = Math.ceil(kills / 3);

it(`loses nothing and does nothing twice when it is killed ${kills} times`, { timeout: kills * 60_000 }, async () => {
  const cwd = await runWorld();
  await putImages(cwd, imageNames(images));
  await writeFile(join(cwd, "p/bad.png"), "I am no image.");
  const options = ["--resume", "--save", "png", ...miniOptions, "--workers", "2"];
  const argv = (out: string) => ["run", "p", "--out", out, ...options];
  const started = performance.now();
  expect(await whybox(argv("whole"), { cwd })).toMatchObject({ code: 0 });
  const duration = performance.now() - started;
  const whole = await contents(join(cwd, "whole"));

  const seed = Number(process.env.WHYBOX_SEED ?? 20261124);
  const random = randomSource(seed);
  let killed = 0;
  let midway = 0;
  for (let round = 0; killed < kills || midway < hits; round++) {
    const out = `out-${round}`;
    const file = (name: string) => join(cwd, out, name);
    // It has begun to work: before, a kill hits what every command does.
    const begun = async (pid: number) =>
      existsSync(file("results.jsonl")) &&
      (await readFile(file("lock"), "utf8").catch(() => "")).includes(`"pid":${pid},`);
    for (let done = false; !done && (killed < kills || midway < hits); ) {
      const ms = duration * random();
      // From before there is a manifest to behind the last item.
      const code = await whyboxKilled(argv(out), { cwd, ms, ...(killed % 3 === 0 ? {} : { after: begun }) });
      done = code !== null;
      if (done) expect(code).toBe(0);
      else killed++;
      if (!done && existsSync(file("files")) && !existsSync(file("_SUCCESS"))) midway++;
    }
    expect(await whybox(argv(out), { cwd })).toMatchObject({ code: 0 });
    expect(await contents(join(cwd, out)), `seed ${seed}, round ${round}`).toEqual(whole);
    const items = (await lines<{ item: number }>(file("results.jsonl"))).map(({ item }) => item);
    expect(items).toEqual(Array.from({ length: images + 1 }, (_, i) => i));
    expect(await lines(file("timings.jsonl"))).toHaveLength(images + 1);
    await rm(join(cwd, out), { recursive: true });
  }
  console.info(`${killed} kills, ${midway} of them while images were explained`);
});
