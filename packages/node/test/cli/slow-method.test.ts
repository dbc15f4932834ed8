import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { defaultMethods } from "@whybox/core";
import { beforeAll, describe, expect, it } from "vitest";
import { loadDetector } from "whybox";
import type { CliContext } from "../../src/cli/context.js";
import { main } from "../../src/cli/main.js";
import { loadServices } from "../../src/images/load-services.js";
import { createWorld, fakeTerminal, temporaryFolder } from "./fake-world.js";

const fixtures = resolve(import.meta.dirname, "../../../../fixtures");
let cwd: string;
beforeAll(async () => {
  cwd = await temporaryFolder();
  await writeFile(join(cwd, "11.onnx"), gunzipSync(await readFile(join(fixtures, "exports/11.onnx.gz"))));
});

const argv = (out: string) => [
  ...["explain", join(fixtures, "photos/chelsea.png"), "--weights", join(cwd, "11.onnx"), "--out", out],
  ...["--imgsz", "64", "--conf", "0.1", "--max-det", "1"],
  // It never ends by itself.
  ...["--method", "SmoothGrad", "--samples", "1000000"],
];

/** Runs the command with the real engine. `onText` gets the text on the terminal after each change. */
async function run(args: readonly string[], onText: (text: string, stop: () => void) => void) {
  const { stream, text } = fakeTerminal();
  const stopping = new AbortController();
  stream.on("data", () => onText(text(), () => stopping.abort()));
  const world = createWorld({ cwd, signal: stopping.signal });
  const context: CliContext = {
    ...{ ...world.context, barStream: stream, methods: defaultMethods },
    // The thread of the built package: sources cannot start one.
    loadServices: async () => ({ ...(await loadServices()), loadDetector }),
  };
  return { code: await main(args, context), stderr: world.stderr(), shown: text() };
}

describe("a slow method", () => {
  it("shows its runs, and stops at Ctrl-C without a file", async () => {
    const { code, stderr, shown } = await run(argv("out"), (text, stop) => {
      if (/\d of 1000\d+ runs/.test(text)) stop();
    });
    expect([code, stderr]).toEqual([130, expect.stringMatching(/^error: /)]);
    expect(shown).toMatch(/Explaining .* [1-9]\d* of 1000\d+ runs/);
    // Nobody asked for so many.
    expect(shown).not.toMatch(/\d{5,} of 1000/);
    expect(await readdir(cwd)).toEqual(["11.onnx"]);
  });
});
