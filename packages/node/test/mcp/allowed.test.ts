import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Allowed } from "../../src/mcp/allowed.js";

let cwd: string;
let allowed: Allowed;

beforeAll(async () => {
  cwd = await realpath(await mkdtemp(join(tmpdir(), "whybox-allowed-")));
  await mkdir(join(cwd, "in/run/maps"), { recursive: true });
  await writeFile(join(cwd, "in/run/maps/a.bin"), "");
  await writeFile(join(cwd, "secret"), "");
  await mkdir(join(cwd, "in/bad/deep"), { recursive: true });
  await symlink(join(cwd, "secret"), join(cwd, "in/bad/deep/link"));
  allowed = await Allowed.open({ folders: ["in"], cwd, urls: true });
});
afterAll(() => rm(cwd, { recursive: true }));

it("refuses the folder of a run with too many entries, or with a deep link out of the allowed folders", async () => {
  expect(await allowed.run("in/run", 2)).toBe(join(cwd, "in/run"));
  await expect(allowed.run("in/run", 1)).rejects.toMatchObject({ code: "limit" });
  await expect(allowed.run("in/bad")).rejects.toThrow(/outside the folders/);
});

it("refuses text that starts as an address and is none", async () => {
  await expect(allowed.source("http://")).rejects.toMatchObject({ code: "bad-input" });
});
