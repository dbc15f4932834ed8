import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { yolov5sPath } from "../support/yolov5s-path.js";

const root = resolve(import.meta.dirname, "../../../..");
const pages = ["README.md", "packages/core/README.md", "packages/node/README.md"];
const read = (page: string) => readFileSync(resolve(root, page), "utf8");

/** The code blocks of a page in a language. */
function blocks(page: string, language: string): string[] {
  return [...read(page).matchAll(/```(\w+)\n(.*?)```/gs)]
    .filter(([, tag]) => tag === language)
    .map(([, , code]) => code!);
}

describe.each(pages)("%s", (page) => {
  it("has examples that run", { timeout: 120_000 }, async () => {
    await yolov5sPath();
    const examples = blocks(page, "js");
    expect(examples.length).toBeGreaterThan(0);
    for (const code of examples) {
      const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], {
        cwd: root,
      });
      expect(stdout.length).toBeGreaterThan(0);
    }
  });

  it("links to files that exist", () => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)(#[^)]*)?\)/g)].map(([, target]) => target!);
    expect(links.filter((target) => !existsSync(resolve(root, dirname(page), target)))).toEqual([]);
  });
});
