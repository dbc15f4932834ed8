import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runSchema } from "../../src/io/result-schema.js";
import { bin, launch } from "../support/launch.js";
import { nobody, whyNoDisk, whyNotNobody, withDisk, withFileLimit } from "../support/refusals.js";
import { yolov5sPath } from "../support/yolov5s-path.js";
import { temporaryFolder } from "./fake-world.js";

const photo = fileURLToPath(new URL("../../../../fixtures/photos/dog.jpg", import.meta.url));
const library = new URL("../../dist/", import.meta.url);
const command = (...argv: string[]) => [process.execPath, bin, ...argv];

let cwd: string;
beforeEach(async () => {
  cwd = await temporaryFolder();
  await copyFile(photo, join(cwd, "2-dog.jpg"));
  for (const name of ["1-small.png", "3-small.png"]) await sharp(grey).toFile(join(cwd, name));
  await mkdir(join(cwd, "o"));
});
const grey = { create: { width: 64, height: 48, channels: 3, background: "#888888" } } as const;
const small = ["1-small.json", "1-small.png"];

describe.skipIf(process.platform === "win32")("a file that the system cuts short (EFBIG)", () => {
  it("is reported, leaves no partial file, and does not stop the other images", async () => {
    await yolov5sPath();
    const run = await launch(withFileLimit(40, command("explain", ".", "--out", "o", "--json")), { cwd });
    expect(run.code).toBe(6);
    expect(run.stderr).toContain(
      `error: 2-dog.jpg: Cannot write 2-dog.png in ${join(cwd, "o")}: the file is larger than allowed (EFBIG). ` +
        "Raise the limit (ulimit -f), or choose another folder with --out.\n",
    );
    expect(await readdir(join(cwd, "o"))).toEqual([...small, "3-small.json", "3-small.png"]);
    const { summary, failures } = runSchema.parse(JSON.parse(run.stdout));
    expect(summary).toEqual({ explained: 0, empty: 2, failed: 1, notTried: 0, exitCode: 6 });
    expect(failures).toMatchObject([{ source: "2-dog.jpg", code: "output" }]);
  });

  it("is among the failures that the library gives back", async () => {
    await yolov5sPath();
    const script = `import { run } from ${JSON.stringify(new URL("index.js", library).href)};
      const { results, failures } = await run({ source: ".", out: "o" });
      const shown = failures.map(({ source, error }) => [source, error.code, error.details.reason, error.details.file]);
      console.log(JSON.stringify([results.length, shown]));`;
    const node = [process.execPath, "--input-type=module", "-e", script];
    const run = await launch(withFileLimit(40, node), { cwd });
    expect(JSON.parse(run.stdout)).toEqual([2, [["2-dog.jpg", "output", "EFBIG", join(cwd, "o", "2-dog.png")]]]);
  });
});

describe("a disk of its own", () => {
  it("full: stops, keeps complete images, and nothing of the incomplete one", { tags: ["long"] }, async (test) => {
    const why = whyNoDisk(join(cwd, "o"));
    if (why !== undefined) return test.skip(why);
    await yolov5sPath();
    const run = await launch(withDisk("o", "size=100k", command("explain", ".", "--out", "o", "--quiet")), { cwd });
    expect(run.code).toBe(6);
    expect(run.stderr).toBe(
      `error: Cannot write 2-dog.png in ${join(cwd, "o")}: the disk is full (ENOSPC). ` +
        "Free some space, or choose another folder with --out.\n",
    );
    expect(run.stdout.trim().split("\n")).toEqual(["o:", ...small]);
  });

  it("read-only: is refused before the model is loaded", { tags: ["long"] }, async (test) => {
    const why = whyNoDisk(join(cwd, "o"));
    if (why !== undefined) return test.skip(why);
    for (const out of ["o", "o/new/er"]) {
      const argv = command("explain", "1-small.png", "--out", out, "--weights", "never-read.onnx");
      const run = await launch(withDisk("o", "ro", argv), { cwd });
      expect([run.code, run.stderr]).toEqual([
        6,
        `error: Cannot write results to ${join(cwd, out)}: the file system is read-only (EROFS). ` +
          "Choose another folder with --out.\n",
      ]);
    }
  });
});

describe.skipIf(process.platform === "win32")("a folder without permission (EACCES)", () => {
  let locked: string;
  beforeEach(async () => {
    // Beside the folder of all tests, which only its owner may enter.
    cwd = await mkdtemp(join(dirname(tmpdir()), "whybox-locked-"));
    await sharp(grey).toFile(join(cwd, "small.png"));
    locked = join(cwd, "locked");
    await mkdir(locked);
    await writeFile(join(locked, "there.png"), "old");
    await chmod(locked, 0o555);
    await chmod(cwd, 0o777);
  });
  afterEach(async () => {
    await chmod(locked, 0o755);
    await rm(cwd, { recursive: true });
  });

  /** Root may write everywhere, so that root runs the program as somebody else. */
  function user(skip: (note: string) => never): { readonly uid?: number } {
    if (process.getuid?.() !== 0) return {};
    const why = whyNotNobody(cwd);
    return why === undefined ? { uid: nobody } : skip(why);
  }

  it("is refused before the model is loaded", async (test) => {
    const argv = command("explain", "small.png", "--out", "locked", "--weights", "never-read.onnx");
    const run = await launch(argv, { cwd, ...user(test.skip) });
    expect([run.code, run.stderr]).toEqual([
      6,
      `error: Cannot write results to ${locked}: writing there is not permitted (EACCES). ` +
        "Change the permissions, or choose another folder with --out.\n",
    ]);
    expect(await readdir(locked)).toEqual(["there.png"]);
  });

  it("keeps the file that was there", async (test) => {
    const script = `import { writeFileSafely } from ${JSON.stringify(new URL("io/write-file.js", library).href)};
      await writeFileSafely("locked/there.png", "new").catch((error) => console.log(error.code, error.details.reason));`;
    const run = await launch([process.execPath, "--input-type=module", "-e", script], { cwd, ...user(test.skip) });
    expect(run.stdout).toBe("output EACCES\n");
    expect(await readFile(join(locked, "there.png"), "utf8")).toBe("old");
    expect(await readdir(locked)).toEqual(["there.png"]);
  });

  it("is told of the cache for weights, too, and leaves no results behind", async (test) => {
    const cache = join(locked, "cache");
    const none = join(cwd, "none");
    const env = { WHYBOX_CACHE: cache, HOME: cwd, npm_config_userconfig: none, npm_config_globalconfig: none };
    const run = await launch(command("explain", "small.png", "--out", "o"), { cwd, env, ...user(test.skip) });
    expect([run.code, run.stderr]).toEqual([
      6,
      `error: Cannot store weights in the cache folder "${cache}": writing there is not permitted (EACCES). ` +
        "Change the permissions, or choose another folder with the variable WHYBOX_CACHE.\n",
    ]);
    expect((await readdir(cwd)).sort()).toEqual(["locked", "small.png"]);
  });
});
