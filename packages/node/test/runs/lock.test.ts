import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { lockFolder } from "../../src/runs/lock.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "whybox-lock-"));
});

describe("lockFolder", () => {
  it("lets one in, and the next when that one has gone", async () => {
    const lock = await lockFolder(folder);
    await expect(lockFolder(folder)).rejects.toMatchObject({
      code: "output",
      message: expect.stringContaining(`process ${process.pid} on `),
    });
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
    await (await lockFolder(folder)).release();
  });

  it("lets only one of many in", async () => {
    const tried = await Promise.allSettled(Array.from({ length: 20 }, () => lockFolder(folder)));
    expect(tried.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("takes over at once from a killed process, and from one whose number another has by now", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"]);
    await once(child, "spawn");
    const mine = await lockFolder(folder);
    const owner = JSON.parse(await readFile(join(folder, "lock"), "utf8"));
    child.kill("SIGKILL");
    await once(child, "exit");
    for (const changed of [{ pid: child.pid }, ...(owner.started === "" ? [] : [{ started: "1" }])]) {
      await writeFile(join(folder, "lock"), JSON.stringify({ ...owner, id: "x", ...changed }));
      for (const left of ["lock-left", ".whybox-0123abcd.tmp"]) await writeFile(join(folder, left), "");
      await (await lockFolder(folder)).release();
      expect(await readdir(folder)).toEqual([]);
    }
    await mine.release();
  });

  it.each(["", "{", '{"pid":1}'])("takes over what a machine without power left: %j", async (text) => {
    await writeFile(join(folder, "lock"), text);
    await (await lockFolder(folder)).release();
  });

  it("refuses a folder that is gone", async () => {
    await expect(lockFolder(join(folder, "gone"))).rejects.toMatchObject({
      code: "output",
      message: expect.stringMatching(/^Cannot write results to .*gone: the folder does not exist .* \(ENOENT\)/),
    });
  });

  it("waits for a sign of life from another machine", async () => {
    const told: string[] = [];
    const options = { host: "elsewhere", staleMs: 300, onWait: (message: string) => void told.push(message) };
    await lockFolder(folder); // never given back, beats every 5 s only
    const alive = setTimeout(100).then(() => utimes(join(folder, "lock"), new Date(), new Date(1)));
    await expect(lockFolder(folder, options)).rejects.toThrow(/is writing this run/);
    await alive;
    await (await lockFolder(folder, { ...options, staleMs: 50 })).release();
    expect(told[0]).toMatch(/Checking for 0\.3 s whether it is still running/);
    const gone = AbortSignal.abort();
    await writeFile(join(folder, "lock"), JSON.stringify({ host: "x", pid: 1, started: "", id: "x" }));
    await expect(lockFolder(folder, { ...options, signal: gone })).rejects.toMatchObject({ code: "aborted" });
  });
});
