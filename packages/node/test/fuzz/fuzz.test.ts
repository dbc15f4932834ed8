import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../../..");

/** Runs `npm run fuzz` and returns what it printed, with its exit code. Failing files are named in it, and saved. */
async function fuzz(...options: string[]): Promise<{ readonly code: number; readonly text: string }> {
  const folder = await mkdtemp(join(tmpdir(), "whybox-fuzz-"));
  const args = [join(root, "fuzz/run.mjs"), ...options, "--folder", folder];
  return new Promise((done) => {
    execFile(process.execPath, args, { cwd: root, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code ?? 1), text: `${stdout}\n${stderr}` });
    });
  });
}

describe("damaged files", { tags: ["long"], timeout: 600_000 }, () => {
  it("opens or refuses 1,000 mutated files", async () => {
    const { code, text } = await fuzz("--mutated", "1000", "--seed", "1");
    expect(text).toContain("Seed 1, files up to 1000.");
    expect(code, text).toBe(0);
  });

  it("finds no file that breaks a reader in a minute", async () => {
    const { code, text } = await fuzz("--minutes", "1", "--seed", "1");
    expect(text).toContain("Seed 1.");
    expect(code, text).toBe(0);
  });
});
