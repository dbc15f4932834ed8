import { spawn } from "node:child_process";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import { randomSource } from "../../../core/test/support/random.js";
import { bin, whybox } from "../support/launch.js";
import { contents, lines, miniOptions, pictureNames, putPictures, runWorld } from "./world.js";

/** WHYBOX_LONG_TESTS=1: as many as a bad night has. */
const long = process.env.WHYBOX_LONG_TESTS === "1";
const kills = long ? 50 : 4;
const pictures = long ? 400 : 120;

it(`loses nothing and does nothing twice when it is killed ${kills} times`, { timeout: kills * 60_000 }, async () => {
  const cwd = await runWorld();
  await putPictures(cwd, pictureNames(pictures));
  await writeFile(join(cwd, "p/bad.png"), "I am no picture.");
  const argv = (out: string) => [
    "run",
    "p",
    "--out",
    out,
    "--resume",
    "--save",
    "png",
    ...miniOptions,
    "--workers",
    "2",
  ];
  expect(await whybox(argv("whole"), { cwd })).toMatchObject({ code: 0 });
  const whole = await contents(join(cwd, "whole"));

  const seed = Number(process.env.WHYBOX_SEED ?? 20261124);
  const random = randomSource(seed);
  let killed = 0;
  let midway = 0;
  for (let round = 0; killed < kills; round++) {
    const out = `out-${round}`;
    for (let done = false; !done && killed < kills; ) {
      const child = spawn(process.execPath, [bin, ...argv(out)], { cwd, stdio: "ignore" });
      const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
      // From before there is a manifest to behind the last item.
      const timer = new AbortController();
      const killer = setTimeout(300 + 2700 * random(), undefined, { signal: timer.signal }).then(
        () => child.kill("SIGKILL"),
        () => false,
      );
      const code = await ended;
      timer.abort();
      await killer;
      if (code === null) killed++;
      done = code !== null;
      if (done) expect(code).toBe(0);
      else if ((await readdir(join(cwd, out)).catch((): string[] => [])).includes("results.jsonl")) midway++;
    }
    expect(await whybox(argv(out), { cwd })).toMatchObject({ code: 0 });
    expect(await contents(join(cwd, out)), `seed ${seed}, round ${round}`).toEqual(whole);
    const items = (await lines<{ item: number }>(join(cwd, out, "results.jsonl"))).map(({ item }) => item);
    expect(items).toEqual(Array.from({ length: pictures + 1 }, (_, i) => i));
    expect(await lines(join(cwd, out, "timings.jsonl"))).toHaveLength(pictures + 1);
    await rm(join(cwd, out), { recursive: true });
  }
  // Kills that hit nothing would prove nothing.
  expect(midway).toBeGreaterThan(0);
});
