import { randomBytes } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readTarball } from "../../src/models/read-tarball.js";
import { makeTarball, withChecksum } from "../support/fake-registry.js";

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
  const tar = gunzipSync(
    makeTarball({ "a.json": "{}", "package/folder": "", "package/link": "", "package/empty": "" }),
  );
  tar.write("package/in/front", 345);
  tar.write("5", 1024 + 156);
  tar.write("2", 1536 + 156);
  tar.write("target", 1536 + 157);
  for (const at of [0, 1024, 1536]) withChecksum(tar.subarray(at, at + 512));
  expect([...(await readTarball(gzipSync(tar))).keys()]).toEqual(["in/front/a.json", "empty"]);
});

test("names that are too long for a header", async () => {
  const path = `${"long/".repeat(60)}a.json`;
  const pax = ` path=package/${path}\n`;
  const record = `${pax.length + 3}${pax}`;
  const tar = gunzipSync(makeTarball({ "package/pax": record, "package/short": "{}" }));
  tar.write("x", 156);
  withChecksum(tar.subarray(0, 512));
  expect([...(await readTarball(gzipSync(tar))).keys()]).toEqual([path]);
});

test("an archive that unpacks to too many bytes is refused", async () => {
  const { length } = gunzipSync(archive);
  expect(await readTarball(archive, length)).toHaveProperty("size", 3);
  await expect(readTarball(archive, length - 1)).rejects.toMatchObject({ code: "ERR_BUFFER_TOO_LARGE" });
});

test("an archive that is cut short, no tar, or not zipped is refused", async () => {
  const tar = gunzipSync(archive);
  await expect(readTarball(gzipSync(tar.subarray(0, 2100)))).rejects.toThrow("Truncated input");
  await expect(readTarball(gzipSync(Buffer.alloc(2048, "x")))).rejects.toThrow("TAR_ENTRY_INVALID");
  await expect(readTarball(tar)).rejects.toThrow("incorrect header check");
});
