import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { createOutputFolder, openOutputFolder } from "../../src/images/output-folder.js";
import { temporaryFolder } from "../cli/fake-world.js";

let root: string;
beforeEach(async () => {
  root = await temporaryFolder();
});

describe("createOutputFolder", () => {
  it("counts exp, exp2, exp3 and never reuses one", async () => {
    const parent = join(root, "runs", "explain");
    const paths = [];
    for (let i = 0; i < 3; i++) paths.push((await createOutputFolder(parent)).path);
    expect(paths).toEqual(["exp", "exp2", "exp3"].map((name) => join(parent, name)));
  });

  it("gives commands that start together a folder each", async () => {
    const folders = await Promise.all(Array.from({ length: 8 }, () => createOutputFolder(root)));
    expect(new Set(folders.map((folder) => folder.path)).size).toBe(8);
  });

  it("passes over a file named exp", async () => {
    await writeFile(join(root, "exp"), "");
    expect((await createOutputFolder(root)).path).toBe(join(root, "exp2"));
  });

  it("takes back what it made and nobody used", async () => {
    const folder = await createOutputFolder(join(root, "runs", "explain"));
    await folder.discardIfEmpty();
    expect(await readdir(root)).toEqual([]);
  });

  it("keeps what holds results, and folders that were there before", async () => {
    const used = await createOutputFolder(join(root, "used"));
    await writeFile(join(used.path, "x.png"), "");
    await used.discardIfEmpty();
    expect(existsSync(join(used.path, "x.png"))).toBe(true);
    await mkdir(join(root, "mine"));
    await (await createOutputFolder(join(root, "mine"))).discardIfEmpty();
    expect(await readdir(join(root, "mine"))).toEqual([]);
  });

  it("says that a file is in the way", async () => {
    await writeFile(join(root, "runs"), "");
    await expect(createOutputFolder(join(root, "runs", "explain"))).rejects.toMatchObject({
      code: "output",
      message: expect.stringMatching(/a file exists where a folder is needed.*--out/),
    });
  });

  it.skipIf(process.platform !== "linux")("says so when the numbered folder itself cannot be made", async () => {
    await expect(createOutputFolder("/proc")).rejects.toMatchObject({ code: "output" });
  });
});

describe("openOutputFolder", () => {
  it("makes the folder, leaves no trace of its trial, and lists what is there", async () => {
    const path = join(root, "a", "b");
    const first = await openOutputFolder(path);
    expect(first).toMatchObject({ path, existing: [] });
    expect(await readdir(path)).toEqual([]);
    await writeFile(join(path, "x.png"), "");
    expect((await openOutputFolder(path)).existing).toEqual(["x.png"]);
  });

  it("removes only folders that it made", async () => {
    await (await openOutputFolder(join(root, "new", "er"))).discardIfEmpty();
    expect(await readdir(root)).toEqual([]);
    await (await openOutputFolder(root)).discardIfEmpty();
    expect(existsSync(root)).toBe(true);
  });

  it("refuses a file", async () => {
    await writeFile(join(root, "file"), "");
    await expect(openOutputFolder(join(root, "file"))).rejects.toMatchObject({
      code: "output",
      message: expect.stringMatching(/a file exists where a folder is needed/),
    });
  });

  it.skipIf(process.platform !== "linux")("comes back from where mkdir -p does not", async () => {
    await expect(openOutputFolder("/proc/whybox/results")).rejects.toMatchObject({ code: "output" });
  });

  it("takes a NUL in the path for an error of the caller, not for a bug", async () => {
    await expect(openOutputFolder(join(root, "a\0b"))).rejects.toMatchObject({ code: "output" });
  });

  it.skipIf(process.platform !== "linux")("tries the folder before anything costs time", async () => {
    await expect(openOutputFolder("/proc/self")).rejects.toMatchObject({
      code: "output",
      message: expect.stringMatching(/Cannot write results to/),
    });
  });
});
