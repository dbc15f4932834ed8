// @module-tag long

import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { launch } from "../../../node/test/support/launch.js";
import { yolov5sPath } from "../../../node/test/support/yolov5s-path.js";
import { chromiumPath } from "./browser.js";

const root = resolve(import.meta.dirname, "../../../..");

describe.skipIf(chromiumPath() === undefined)("npm run bench:web", () => {
  it("measures the engine in Chromium", { timeout: 120_000 }, async () => {
    await yolov5sPath();
    const args = [process.execPath, "bench/web.mjs", "--quick"];
    const { code, stdout, stderr } = await launch(args, { cwd: root });
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ +after a click, tap fusion of 1 box .* \d/m);
    expect(stdout).toMatch(/^ +tap fusion of 4 boxes .* \d/m);
  });
});
