// @module-tag long

import { spawn } from "node:child_process";
import { copyFile, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { successSchema } from "../../src/runs/schema.js";
import { imageNames, miniOptions, putImages, runWorld } from "../runs/world.js";
import { bin } from "../support/launch.js";
import { record } from "./figures.js";

const images = 10_000;

interface Sample {
  readonly done: number;
  readonly mb: number;
}

it.runIf(process.platform === "linux")(
  "holds no more after 10,000 images than after 3,000",
  { timeout: 3_600_000 },
  async () => {
    const cwd = await runWorld();
    const kept = imageNames(20, "kept");
    await putImages(cwd, [...kept, "p/00000.png"]);
    for (let i = 1; i < images; i++) {
      await copyFile(join(cwd, kept[i % kept.length]!), join(cwd, `p/${String(i).padStart(5, "0")}.png`));
    }
    const argv = ["run", "p", "--out", "out", ...miniOptions, "--workers", "2"];
    const child = spawn(process.execPath, [bin, ...argv], { cwd, stdio: "ignore" });
    const samples: Sample[] = [];
    const timer = setInterval(async () => {
      const [status, results] = await Promise.all([
        readFile(`/proc/${child.pid}/status`, "utf8").catch(() => ""),
        readFile(join(cwd, "out/results.jsonl"), "utf8").catch(() => ""),
      ]);
      const rss = /VmRSS:\s*(\d+) kB/.exec(status)?.[1];
      if (rss !== undefined) samples.push({ done: results.split("\n").length - 1, mb: Number(rss) / 1024 });
    }, 1000);
    const code = await new Promise((resolve) => child.on("exit", resolve));
    clearInterval(timer);
    expect(code).toBe(0);
    const mark = successSchema.parse(JSON.parse(await readFile(join(cwd, "out/_SUCCESS"), "utf8")));
    expect(mark).toMatchObject({ end: images, failures: 0 });
    await rm(cwd, { recursive: true });
    const rows = table(samples);
    record("memory of a run", rows);
    expect(mean(samples, 8000, images) - mean(samples, 2000, 4000), JSON.stringify(rows)).toBeLessThan(64);
  },
);

/** The mean of the samples between two numbers of images. */
function mean(samples: readonly Sample[], from: number, to: number): number {
  const some = samples.filter(({ done }) => done >= from && done < to).map(({ mb }) => mb);
  return some.reduce((sum, value) => sum + value, 0) / some.length;
}

/** The resident memory around each thousand images. */
function table(samples: readonly Sample[]): { images: number; MB: number }[] {
  const near = (count: number) => mean(samples, count - 500, count + 500);
  const counts = Array.from({ length: images / 1000 }, (_, i) => 1000 * (i + 1));
  return counts.map((count) => ({ images: count, MB: Math.round(near(count)) }));
}
