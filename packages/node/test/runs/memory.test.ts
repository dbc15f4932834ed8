// @module-tag long

import { spawn } from "node:child_process";
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { successSchema } from "../../src/runs/schema.js";
import { bin } from "../support/launch.js";
import { imageNames, miniOptions, putImages, runWorld } from "./world.js";

const images = 10_000;

it.runIf(process.platform === "linux")(
  "holds no more after 10,000 images than after 3,000",
  { timeout: 1_800_000 },
  async () => {
    const cwd = await runWorld();
    const kept = imageNames(20, "kept");
    await putImages(cwd, [...kept, "p/00000.png"]);
    for (let i = 1; i < images; i++) {
      await copyFile(join(cwd, kept[i % kept.length]!), join(cwd, `p/${String(i).padStart(5, "0")}.png`));
    }
    const argv = ["run", "p", "--out", "out", ...miniOptions, "--workers", "2"];
    const child = spawn(process.execPath, [bin, ...argv], { cwd, stdio: "ignore" });
    const samples: { done: number; rss: number }[] = [];
    const timer = setInterval(async () => {
      const [status, results] = await Promise.all([
        readFile(`/proc/${child.pid}/status`, "utf8").catch(() => ""),
        readFile(join(cwd, "out/results.jsonl"), "utf8").catch(() => ""),
      ]);
      const rss = /VmRSS:\s*(\d+) kB/.exec(status)?.[1];
      if (rss !== undefined) samples.push({ done: results.split("\n").length - 1, rss: Number(rss) / 1024 });
    }, 1000);
    const code = await new Promise((resolve) => child.on("exit", resolve));
    clearInterval(timer);
    expect(code).toBe(0);
    const mark = successSchema.parse(JSON.parse(await readFile(join(cwd, "out/_SUCCESS"), "utf8")));
    expect(mark).toMatchObject({ end: images, failures: 0 });
    const mean = (from: number, to: number) => {
      const some = samples.filter(({ done }) => done >= from && done < to).map(({ rss }) => rss);
      return some.reduce((sum, value) => sum + value, 0) / some.length;
    };
    const table = samples.map(({ done, rss }) => `${done}: ${rss.toFixed(0)}`).join(", ");
    console.log(`MiB after so many images: ${table}`);
    expect(mean(8000, images) - mean(2000, 4000), table).toBeLessThan(64);
  },
);
