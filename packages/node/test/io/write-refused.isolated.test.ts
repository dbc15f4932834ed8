import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { endsTheRun } from "../../src/images/explain-image.js";
import { createOutputFolder, openOutputFolder } from "../../src/images/output-folder.js";
import { createStageClock } from "../../src/images/stage-clock.js";
import { writeOutputs } from "../../src/images/write-outputs.js";
import { isDiskFailure } from "../../src/io/disk-failure.js";
import { writeFileSafely } from "../../src/io/write-file.js";

/** The next call of this name on Whybox's own files fails with this code; a write after half of the bytes. */
const refusal = vi.hoisted(() => ({ call: "", code: "" }));

function failure(syscall: string): Error {
  const { code } = refusal;
  return Object.assign(new Error(`${code}: refused, ${syscall}`), { code, syscall });
}

vi.mock("node:fs/promises", async (original) => {
  const fs = await original<typeof import("node:fs/promises")>();
  const mine = (path: unknown) => basename(String(path)).startsWith(".whybox-");
  return {
    ...fs,
    mkdir: async (...args: Parameters<typeof fs.mkdir>) => {
      if (refusal.call === "mkdir") throw failure("mkdir");
      return fs.mkdir(...args);
    },
    open: async (...args: Parameters<typeof fs.open>) => {
      if (refusal.call === "open" && mine(args[0])) throw failure("open");
      const file = await fs.open(...args);
      if (!mine(args[0])) return file;
      if (refusal.call === "fsync") file.sync = () => Promise.reject(failure("fsync"));
      if (refusal.call === "write") {
        file.writeFile = async (data) => {
          await file.write((data as string).slice(0, 2));
          throw failure("write");
        };
      }
      return file;
    },
    rename: async (...args: Parameters<typeof fs.rename>) => {
      if (refusal.call === "rename") throw failure("rename");
      return fs.rename(...args);
    },
  };
});

let folder: string;
beforeEach(async () => {
  refusal.call = "";
  folder = await mkdtemp(join(tmpdir(), "whybox-refused-"));
  await writeFile(join(folder, "a.txt"), "old");
});

const elsewhere = "hoose another folder with --out.";

describe("writeFileSafely", () => {
  it.each([
    ["write", "ENOSPC", `the disk is full (ENOSPC). Free some space, or c${elsewhere}`, "folder"],
    ["fsync", "ENOSPC", `the disk is full (ENOSPC). Free some space, or c${elsewhere}`, "folder"],
    ["fsync", "EIO", `the disk reports an error (EIO). Check it, or c${elsewhere}`, "folder"],
    ["write", "EDQUOT", `your disk quota is used up (EDQUOT). Free some space, or c${elsewhere}`, "folder"],
    ["open", "EROFS", `the file system is read-only (EROFS). C${elsewhere}`, "folder"],
    ["open", "EACCES", `writing there is not permitted (EACCES). Change the permissions, or c${elsewhere}`, "folder"],
    ["open", "EPERM", `writing there is not permitted (EPERM). Change the permissions, or c${elsewhere}`, "folder"],
    ["open", "EMFILE", `too many files are open (EMFILE). Raise the limit (ulimit -n), or c${elsewhere}`, "folder"],
    ["rename", "EISDIR", `a folder with this name exists (EISDIR). Remove it, or c${elsewhere}`, "file"],
    [
      "write",
      "EFBIG",
      `the file is larger than allowed (EFBIG). Raise the limit (ulimit -f), or c${elsewhere}`,
      "file",
    ],
    ["rename", "EODD", `EODD: refused, rename. C${elsewhere}`, "folder"],
  ])("%s refused with %s: says so, keeps what was there and nothing else", async (call, code, advice, concerns) => {
    Object.assign(refusal, { call, code });
    await expect(writeFileSafely(join(folder, "a.txt"), "new text")).rejects.toMatchObject({
      name: "WhyboxError",
      code: "output",
      message: `Cannot write a.txt in ${folder}: ${advice}`,
      details: { file: join(folder, "a.txt"), reason: code, concerns },
      cause: { code },
    });
    expect(await readdir(folder)).toEqual(["a.txt"]);
    expect(await readFile(join(folder, "a.txt"), "utf8")).toBe("old");
  });
});

describe("folders for results", () => {
  it.each([
    ["mkdir", "ENOSPC", /the disk is full \(ENOSPC\)\. Free some space, or choose another folder with --out\.$/],
    ["mkdir", "EROFS", /the file system is read-only \(EROFS\)\. Choose another folder with --out\.$/],
    ["open", "EROFS", /the file system is read-only \(EROFS\)\. Choose another folder with --out\.$/],
  ])("%s refused with %s", async (call, code, message) => {
    Object.assign(refusal, { call, code });
    const path = call === "mkdir" ? join(folder, "new") : folder;
    const refused = { code: "output", message: expect.stringMatching(message), details: { path, code } };
    await expect(openOutputFolder(path)).rejects.toMatchObject(refused);
    if (call === "mkdir") await expect(createOutputFolder(path)).rejects.toMatchObject(refused);
    expect(await readdir(folder)).toEqual(["a.txt"]);
  });
});

describe("writeOutputs", () => {
  it("does not take a folder that cannot be created for a failure of its image", async () => {
    Object.assign(refusal, { call: "mkdir", code: "ENOSPC" });
    const outputs = [{ name: "files/0000/a.png", bytes: async () => new Uint8Array(1) }];
    const options = { folder, write: writeFileSafely, signal: undefined, clock: createStageClock({ render: 0 }) };
    const error = await writeOutputs(outputs, options).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "output", details: { reason: "ENOSPC" } });
    expect(endsTheRun(error)).toBe(true);
  });
});

describe("isDiskFailure", () => {
  const error = (properties: object) => Object.assign(new Error("x"), properties);

  it("tells a disk from a network and from a bug", () => {
    expect(isDiskFailure(error({ code: "ENOSPC", syscall: "write" }))).toBe(true);
    expect(isDiskFailure(error({ code: "EACCES", syscall: "mkdir" }))).toBe(true);
    expect(isDiskFailure(error({ code: "EACCES", syscall: "connect" }))).toBe(false);
    expect(isDiskFailure(error({ code: "ECONNRESET", syscall: "read" }))).toBe(false);
    expect(isDiskFailure(error({ code: "EINTEGRITY" }))).toBe(false);
    expect(isDiskFailure(error({}))).toBe(false);
    expect(isDiskFailure(undefined)).toBe(false);
  });
});
