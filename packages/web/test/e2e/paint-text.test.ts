import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { PaintText } from "@whybox/core";
import { transformWithOxc } from "vite";
import { describe, expect, it } from "vitest";
import { chromiumPath, launchChromium } from "./browser.js";
import { SLOW } from "./open-page.js";

const path = chromiumPath();
const file = resolve(import.meta.dirname, "../../../browser/src/worker/paint-text.ts");

describe.skipIf(path === undefined)("paintText", SLOW, () => {
  it("paints in the colour asked for, around the baseline, and nothing that the browser has no letter for", async () => {
    const browser = await launchChromium(path!);
    try {
      const { code } = await transformWithOxc(await readFile(file, "utf8"), file);
      const page = await browser.newPage();
      await page.addScriptTag({
        type: "module",
        content: code.replace("export const paintText", "globalThis.paintText"),
      });
      const found = await page.evaluate(() => {
        const { paintText } = globalThis as unknown as { readonly paintText: PaintText };
        const painted = paintText("dog 0.50", 20, [200, 30, 10])!;
        const { data, ...place } = painted;
        const bytes = Array.from(data);
        const colours = new Set(
          bytes.flatMap((value, at) => (at % 4 === 3 && value === 255 ? [bytes.slice(at - 3, at).join()] : [])),
        );
        return { place, colours: [...colours], missing: paintText("dog \u{10fffd}", 20, [0, 0, 0]) };
      });
      expect(found.colours).toEqual(["200,30,10"]);
      expect(found.missing).toBeUndefined();
      const { advance, left, top, width, height } = found.place;
      expect([left >= -2 && left <= 3, top < -12 && top > -22, top + height > 0]).toEqual([true, true, true]);
      expect(Math.abs(advance - width)).toBeLessThan(8);
    } finally {
      await browser.close();
    }
  });
});
