import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { beforeEach, describe, expect, it } from "vitest";
import { bin, launch } from "../support/launch.js";
import { withFileLimit } from "../support/refusals.js";
import { yolov5sPath } from "../support/yolov5s-path.js";
import { temporaryFolder } from "./fake-world.js";

let cwd: string;
beforeEach(async () => {
  cwd = await temporaryFolder();
});

/** Runs the built command with shell redirections such as `> file`. */
const redirected = (redirection: string, ...argv: string[]) => [
  ...["sh", "-c", `exec "$@" ${redirection}`, "sh"],
  ...[process.execPath, bin, ...argv],
];
const full =
  "error: Cannot write to stdout: the disk is full (ENOSPC). Free some space, or send the output elsewhere.\n";

describe.skipIf(!existsSync("/dev/full"))("stdout on a full disk (on systems with /dev/full)", () => {
  it.each(["--help", "--version", "explain --help"])("is reported: %s", async (words) => {
    const run = await launch(redirected("> /dev/full", ...words.split(" ")), { cwd });
    expect(run).toEqual({ code: 6, stdout: "", stderr: full });
  });

  it("is reported in addition to other errors", async () => {
    const run = await launch(redirected("> /dev/full", "explain", "gone.jpg", "--json"), { cwd });
    expect(run.code).toBe(6);
    expect(run.stderr).toMatch(/^error: gone\.jpg: no such file or folder/);
    expect(run.stderr.endsWith(full)).toBe(true);
    expect(run.stderr.split("\n").length).toBe(3);
  });

  it("does not stop the command", async () => {
    await yolov5sPath();
    const grey = { create: { width: 64, height: 48, channels: 3, background: "#888888" } } as const;
    await sharp(grey).toFile(join(cwd, "small.png"));
    const argv = ["explain", "small.png", "--out", "o", "--json", "--quiet"];
    const run = await launch(redirected("> /dev/full", ...argv), { cwd });
    expect([run.code, run.stderr]).toEqual([6, full]);
    expect((await readdir(join(cwd, "o"))).sort()).toEqual(["small.json", "small.png"]);
  });

  it("does not change the exit code when only messages are lost", async () => {
    const help = await launch(redirected("2> /dev/full", "--help"), { cwd });
    expect([help.code, help.stdout.startsWith("Usage: whybox")]).toEqual([0, true]);
    const gone = await launch(redirected("2> /dev/full", "explain", "gone.jpg"), { cwd });
    expect(gone).toEqual({ code: 3, stdout: "", stderr: "" });
    expect((await launch(redirected("> /dev/full 2>&1", "--help"), { cwd })).code).toBe(6);
  });
});

describe.skipIf(process.platform === "win32")("stdout in a file", () => {
  it("receives everything, after the existing content", async () => {
    const run = await launch(redirected("> both.txt", "explain", "--help"), { cwd });
    expect(run).toEqual({ code: 0, stdout: "", stderr: "" });
    await launch(redirected(">> both.txt", "explain", "--help"), { cwd });
    const help = (await launch([process.execPath, bin, "explain", "--help"], { cwd })).stdout;
    expect(await readFile(join(cwd, "both.txt"), "utf8")).toBe(help + help);
  });

  it("is reported when a size limit cuts it", async () => {
    const run = await launch(withFileLimit(1, redirected("> cut.txt", "explain", "--help")), { cwd });
    expect([run.code, run.stderr]).toEqual([
      6,
      "error: Cannot write to stdout: the file is larger than allowed (EFBIG). " +
        "Raise the limit (ulimit -f), or send the output elsewhere.\n",
    ]);
    const help = (await launch([process.execPath, bin, "explain", "--help"], { cwd })).stdout;
    const cut = await readFile(join(cwd, "cut.txt"), "utf8");
    expect(cut.length).toBeLessThan(help.length);
    expect(help.startsWith(cut)).toBe(true);
  });
});
