import { mkdtemp, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { renameFile } from "../../src/io/rename-file.js";
import { syncFolder } from "../../src/io/write-file.js";
import { lockFolder } from "../../src/runs/lock.js";

/** What the system refuses, how often, and with which code. */
const refusal = vi.hoisted(() => ({ call: "", code: "", left: 0 }));

vi.mock("node:fs/promises", async (original) => {
  const fs = await original<typeof import("node:fs/promises")>();
  const allow = (call: string) => {
    if (refusal.call !== call || refusal.left-- <= 0) return;
    throw Object.assign(new Error(`${refusal.code}: refused, ${call}`), { code: refusal.code, syscall: call });
  };
  const refused = (call: "link" | "rename") => async (from: string, to: string) => {
    allow(call);
    return fs[call](from, to);
  };
  return {
    ...fs,
    link: refused("link"),
    rename: refused("rename"),
    open: async (...args: Parameters<typeof fs.open>) => {
      const file = await fs.open(...args);
      const sync = file.sync.bind(file);
      file.sync = async () => {
        allow("fsync");
        return sync();
      };
      return file;
    },
  };
});

// Only Linux tells when a process was started.
vi.mock("node:fs", async (original) => ({
  ...(await original<typeof import("node:fs")>()),
  readFileSync: () => {
    throw new Error("no /proc");
  },
}));

let folder: string;
beforeEach(async () => {
  refuse("", "", 0);
  folder = await mkdtemp(join(tmpdir(), "whybox-systems-"));
});
const refuse = (call: string, code: string, left = Number.POSITIVE_INFINITY) =>
  Object.assign(refusal, { call, code, left });
const lock = () => join(folder, "lock");

describe("a lock on a file system without links", () => {
  it.each(["EPERM", "ENOTSUP"])("lets one in, and the next when that one has gone (%s)", async (code) => {
    refuse("link", code);
    const held = await lockFolder(folder);
    expect(await readdir(folder)).toEqual(["lock"]);
    await expect(lockFolder(folder)).rejects.toThrow(/is writing this run/);
    await held.release();
    await (await lockFolder(folder)).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it("lets at most one of many in", async () => {
    refuse("link", "EPERM");
    const tried = await Promise.allSettled(Array.from({ length: 10 }, () => lockFolder(folder)));
    expect(tried.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});

describe("a lock where nobody tells when a process was started", () => {
  it("is taken over when another process has the number, and shows no sign of life", async () => {
    await lockFolder(folder); // never given back
    await expect(lockFolder(folder)).rejects.toThrow(/is writing this run/);
    const owner = JSON.parse(await readFile(lock(), "utf8"));
    await writeFile(lock(), JSON.stringify({ ...owner, id: "x", pid: process.ppid }));
    const long = new Date(Date.now() - 60_000);
    await utimes(lock(), long, long);
    const told: string[] = [];
    const options = { staleMs: 50, onWait: (message: string) => void told.push(message) };
    await (await lockFolder(folder, options)).release();
    expect(told).toEqual([expect.stringMatching(/^A process on this machine holds the lock/)]);
  });
});

describe("renameFile", () => {
  const [from, to] = [() => join(folder, "a"), () => join(folder, "b")];
  beforeEach(() => writeFile(from(), "new"));

  it.each(["EPERM", "EACCES", "EBUSY"])(
    "waits on Windows until no other program has the file open (%s)",
    async (code) => {
      refuse("rename", code, 3);
      await renameFile(from(), to(), "win32");
      expect(await readdir(folder)).toEqual(["b"]);
    },
  );

  it("does not wait for other errors, and not on other systems", async () => {
    refuse("rename", "ENOSPC", 1);
    await expect(renameFile(from(), to(), "win32")).rejects.toThrow("ENOSPC");
    refuse("rename", "EPERM", 1);
    await expect(renameFile(from(), to(), "darwin")).rejects.toThrow("EPERM");
    expect(await readdir(folder)).toEqual(["a"]);
  });
});

it.skipIf(process.platform === "win32")(
  "a folder that cannot be flushed is no failure, and a full disk is",
  async () => {
    refuse("fsync", "EINVAL");
    await syncFolder(folder);
    refuse("fsync", "EIO");
    await expect(syncFolder(folder)).rejects.toThrow("EIO");
  },
);
