import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../../..");
const node = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: root });

it("has a page and an image for each method, as its docstring says", { timeout: 60_000 }, async () => {
  await expect(node("scripts/make-method-pages.mjs", "--check")).resolves.toMatchObject({ stderr: "" });
});
