import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { yolov5sPath } from "../support/yolov5s-path.js";

const root = resolve(import.meta.dirname, "../../../..");
const node = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: root });

it("has an example of a method and a score of one's own that runs", { timeout: 120_000 }, async () => {
  await yolov5sPath();
  const page = readFileSync(resolve(root, "docs/adding-a-method.md"), "utf8");
  const [, code] = /```js\n(.*?)```/s.exec(page)!;
  const { stdout } = await node("--input-type=module", "-e", code!);
  expect(stdout).toMatch(/^dog \d.*\n768 576\n$/s);
});

it("has a page and a picture for each method, as its docstring says", { timeout: 60_000 }, async () => {
  await expect(node("scripts/make-method-pages.mjs", "--check")).resolves.toMatchObject({ stderr: "" });
});
