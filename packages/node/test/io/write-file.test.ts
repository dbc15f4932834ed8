import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { writeFileSafely } from "../../src/io/write-file.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "whybox-write-"));
});

it("writes the file and nothing beside it", async () => {
  await writeFileSafely(join(folder, "a.txt"), "one");
  await writeFileSafely(join(folder, "a.txt"), "two");
  expect(await readFile(join(folder, "a.txt"), "utf8")).toBe("two");
  expect(await readdir(folder)).toEqual(["a.txt"]);
});

it("says what is in the way, and leaves nothing half-written", async () => {
  await writeFile(join(folder, "file"), "");
  await mkdir(join(folder, "folder"));
  for (const [path, reason, concerns] of [
    ["no/such/x.txt", "ENOENT", "folder"],
    ["file/x.txt", "ENOTDIR", "folder"],
    ["folder", "EISDIR", "file"],
    [`${"n".repeat(400)}.txt`, "ENAMETOOLONG", "file"],
  ] as const) {
    await expect(writeFileSafely(join(folder, path), "x")).rejects.toMatchObject({
      name: "WhyboxError",
      code: "output",
      message: expect.stringMatching(`^Cannot write .* in ${folder}.*${reason}.*another folder with --out\\.$`),
      details: { reason, concerns },
    });
  }
  expect((await readdir(folder)).sort()).toEqual(["file", "folder"]);
});
