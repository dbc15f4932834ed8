import { randomBytes } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readTarball } from "../../src/models/read-tarball.js";
import { makeTarball } from "../support/fake-registry.js";

const files = { "package/a.json": "{}", "package/deep/b.bin": randomBytes(1500), "package/empty": "" };
const archive = makeTarball(files);

test("files without the first folder, also those of no bytes and of whole blocks", async () => {
  const read = await readTarball(makeTarball({ ...files, "package/c": randomBytes(1024) }));
  expect([...read.keys()]).toEqual(["a.json", "deep/b.bin", "empty", "c"]);
  expect(Buffer.from(read.get("deep/b.bin")!)).toEqual(files["package/deep/b.bin"]);
  expect(read.get("empty")).toHaveLength(0);
  expect(read.get("c")).toHaveLength(1024);
});

test("names in two parts; folders and links are passed over", async () => {
  const tar = gunzipSync(archive);
  tar.write("package/in/front", 345);
  tar.write("a.json\0", 0);
  const second = 1024;
  tar.write("5", second + 156);
  expect([...(await readTarball(gzipSync(tar))).keys()]).toEqual(["in/front/a.json", "empty"]);
});

test("an archive that is cut short, no tar, or not zipped is refused", async () => {
  const tar = gunzipSync(archive);
  await expect(readTarball(gzipSync(tar.subarray(0, 2100)))).rejects.toThrow("cut short");
  await expect(readTarball(gzipSync(Buffer.alloc(2048, "x")))).rejects.toThrow("no tar archive");
  await expect(readTarball(tar)).rejects.toThrow("incorrect header check");
});
