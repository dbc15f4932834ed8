import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { bin, whybox } from "../support/launch.js";
import { temporaryFolder } from "./fake-world.js";

const photo = fileURLToPath(new URL("../../../../fixtures/photos/dog.jpg", import.meta.url));

let cwd: string;
beforeEach(async () => {
  cwd = await temporaryFolder();
});

describe("the built command", () => {
  it("prints its version and its help", async () => {
    expect((await whybox(["--version"], { cwd })).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = await whybox(["explain", "--help"], { cwd });
    expect([help.code, help.stderr]).toEqual([0, ""]);
    expect(help.stdout).toContain("--backward-per-class");
  });

  it("does not mind a reader that goes away", async () => {
    expect(await whybox(["--help"], { cwd, closeStdout: true })).toMatchObject({ code: 0, stderr: "" });
  });

  it.each([
    [["explain", "gone.jpg"], 3, /^error: gone\.jpg: no such file or folder/],
    [["explain", photo, "--weights", "gone.onnx"], 3, /^error: The file "gone\.onnx" does not exist/],
    [["explain", photo, "--weights", "text.onnx"], 3, /^error: text\.onnx: /],
    [["inspect", "text.onnx"], 3, /^error: text\.onnx: /],
    [["explain", photo, "--conf", "2"], 2, /^error: --conf: expected a number from 0 to 1/],
    [["explain", photo, "--out", "text.onnx"], 6, /^error: .*a file exists where a folder is needed/],
  ])("fails in words: %j", async (argv, code, words) => {
    await writeFile(join(cwd, "text.onnx"), "I am no model.");
    const run = await whybox(argv, { cwd });
    expect([run.code, run.stdout]).toEqual([code, ""]);
    expect(run.stderr).toMatch(words);
    expect(run.stderr).not.toMatch(/^\s+at /m);
    expect(await readdir(cwd)).toEqual(["text.onnx"]);
  });

  it.skipIf(process.platform === "win32")("ends with 130 at Ctrl-C and leaves nothing behind", async () => {
    const child = spawn(process.execPath, ["--import", hook(), bin, "explain", photo], { cwd });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(code).toBe(130);
    expect(existsSync(join(cwd, "runs"))).toBe(false);
  });
});

/** Sends SIGINT to the process itself as soon as the command listens for it: no race, no waiting. */
function hook(): string {
  const source = `process.on("newListener", (name) => {
    if (name === "SIGINT") setImmediate(() => process.kill(process.pid, "SIGINT"));
  });`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
