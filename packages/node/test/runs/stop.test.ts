import { type ChildProcess, spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FileServer } from "../support/file-server.js";
import { bin, whybox } from "../support/launch.js";
import { contents, imageNames, lines, miniOptions, putImages, runWorld } from "./world.js";

let cwd: string;
let server: FileServer;
beforeAll(async () => {
  cwd = await runWorld();
  // In the list an address stands between them.
  await putImages(cwd, [...imageNames(20, "a"), ...imageNames(40, "p")]);
  server = await FileServer.start();
});
afterAll(() => server.stop());

const argv = (out: string) => {
  const sources = ["a", `${server.url}/held.png`, "p", "--allow-private"];
  return ["run", ...sources, "--out", out, "--resume", "--save", "npy", ...miniOptions];
};

/** Serves the image that all wait for: `asked` when a run has come to it, which then goes no further until `give`. */
function hold(): { readonly asked: Promise<void>; give(): Promise<void> } {
  let give: (() => void) | undefined;
  const asked = new Promise<void>((resolve) => {
    server.files.set("/held.png", (_, response) => {
      give = () => void readFile(join(cwd, "a/000.png")).then((bytes) => response.end(bytes));
      resolve();
    });
  });
  return {
    asked,
    give: async () => {
      await asked;
      server.files.set("/held.png", await readFile(join(cwd, "a/000.png")));
      give?.();
    },
  };
}

function start(out: string): { readonly child: ChildProcess; said(words: string): Promise<void>; text(): string } {
  const child = spawn(process.execPath, [bin, ...argv(out)], { cwd, env: { ...process.env, NO_COLOR: "1" } });
  let text = "";
  child.stderr.on("data", (chunk) => {
    text += chunk;
  });
  return {
    child,
    text: () => text,
    said: async (words) => {
      for await (const _ of child.stderr.iterator({ destroyOnReturn: false })) if (text.includes(words)) return;
    },
  };
}

const end = (child: ChildProcess) =>
  new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.on("close", (code, signal) => resolve(code ?? signal)),
  );

describe.skipIf(process.platform === "win32")("Ctrl-C", () => {
  it("finishes what is under way, leaves a whole folder, and the run goes on from there", async () => {
    const held = hold();
    const { child, said, text } = start("out");
    const ended = end(child);
    await held.asked;
    child.kill("SIGINT");
    await said(
      "Stopping after the sources in progress. Press Ctrl-C again to drop them. To continue: whybox run --resume --out out",
    );
    await held.give();
    expect(await ended).toBe(130);
    expect(text()).not.toContain("bug");
    const done = (await lines(join(cwd, "out/results.jsonl"))).length;
    // What was under way is the held one, and at most two behind it.
    expect(done).toBeGreaterThan(20);
    expect(done).toBeLessThan(24);
    const files = Object.keys(await contents(join(cwd, "out"))).filter((path) => path.startsWith("files/"));
    expect(new Set(files.map((path) => path.split("/")[2]!.split("-")[0])).size).toBe(done);
    expect(await readdir(join(cwd, "out"))).not.toContain("lock");
    expect((await whybox(argv("out"), { cwd })).code).toBe(0);
    await whybox(argv("whole"), { cwd });
    expect(await contents(join(cwd, "out"))).toEqual(await contents(join(cwd, "whole")));
  });

  it("twice drops what is under way, and the run goes on from there", async () => {
    const held = hold();
    const { child, said } = start("twice");
    const ended = end(child);
    await held.asked;
    child.kill("SIGINT");
    await said("Ctrl-C again to drop them");
    child.kill("SIGINT");
    expect(await ended).toBe("SIGINT");
    await held.give();
    expect((await whybox(argv("twice"), { cwd })).code).toBe(0);
    expect(await contents(join(cwd, "twice"))).toEqual(await contents(join(cwd, "whole")));
  });

  it("keeps a second command out while one runs", async () => {
    const held = hold();
    const { child } = start("two");
    const ended = end(child);
    await held.asked;
    const second = await whybox(argv("two"), { cwd });
    expect([second.code, second.stderr]).toEqual([6, expect.stringMatching(/process \d+ on .* is writing this run/)]);
    await held.give();
    expect(await ended).toBe(0);
  });
});
