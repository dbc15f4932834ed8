import { type ChildProcess, spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { bin, whybox } from "../support/launch.js";
import { contents, lines, miniOptions, pictureNames, putPictures, runWorld } from "./world.js";

let cwd: string;
beforeAll(async () => {
  cwd = await runWorld();
  await putPictures(cwd, pictureNames(150));
});

const argv = (out: string) => ["run", "p", "--out", out, "--resume", "--save", "npy", ...miniOptions];

async function exists(path: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null && (await readFile(path, "utf8").catch(() => "")) === "") await setTimeout(5);
}

describe.skipIf(process.platform === "win32")("Ctrl-C", () => {
  it("finishes what is under way, leaves a whole folder, and the run goes on from there", async () => {
    const child = spawn(process.execPath, [bin, ...argv("out")], { cwd, env: { ...process.env, NO_COLOR: "1" } });
    let stderr = "";
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    await exists(join(cwd, "out/results.jsonl"), child);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(stderr).toContain(
      "Stopping: what is under way is finished first; Ctrl-C again drops it. whybox run --resume --out out goes on.",
    );
    expect(stderr).not.toContain("bug");
    const done = (await lines(join(cwd, "out/results.jsonl"))).length;
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(150);
    const files = Object.keys(await contents(join(cwd, "out")));
    expect(
      new Set(files.filter((path) => path.startsWith("files/")).map((path) => path.split("/")[2]!.split("-")[0])).size,
    ).toBe(done);
    expect(await readdir(join(cwd, "out"))).not.toContain("lock");
    expect((await whybox(argv("out"), { cwd })).code).toBe(0);
    await whybox(argv("whole"), { cwd });
    expect(await contents(join(cwd, "out"))).toEqual(await contents(join(cwd, "whole")));
  });

  it("keeps a second command out while one runs", async () => {
    const child = spawn(process.execPath, [bin, ...argv("two")], { cwd, stdio: "ignore" });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    await exists(join(cwd, "two/results.jsonl"), child);
    const second = await whybox(argv("two"), { cwd });
    expect([second.code, second.stderr]).toEqual([6, expect.stringMatching(/process \d+ of .* is writing this run/)]);
    expect(await ended).toBe(0);
  });
});
