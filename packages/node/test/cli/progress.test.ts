import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { createProgress } from "../../src/cli/progress.js";
import { createWorld } from "./fake-world.js";

/** A stream that cli-progress accepts as a terminal. */
function fakeTerminal(): { stream: NodeJS.WritableStream; text(): string } {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 100, rows: 20 });
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { stream, text: () => text };
}

describe("progress", () => {
  it("prints one line per download without a terminal", () => {
    const world = createWorld();
    const progress = createProgress(world.context, { quiet: false });
    for (const received of [0, 5e6, 14e6]) progress.download({ what: "yolov5s\u001b[1m", received, total: 14e6 });
    progress.download({ what: "other", received: 0, total: undefined });
    progress.sources(1, 2);
    progress.clear();
    expect(world.stderr()).toBe("Downloading yolov5s (14.0 MB) …\nDownloading other …\n");
  });

  it("prints nothing with --quiet", () => {
    const world = createWorld();
    const { stream, text } = fakeTerminal();
    const progress = createProgress({ ...world.context, barStream: stream }, { quiet: true });
    progress.download({ what: "yolov5s", received: 0, total: 10 });
    progress.sources(0, 2);
    progress.clear();
    expect(world.stderr() + text()).toBe("");
  });

  it("shows a bar on a terminal and removes it at the end", async () => {
    const world = createWorld();
    const { stream, text } = fakeTerminal();
    const progress = createProgress({ ...world.context, barStream: stream }, { quiet: false });
    progress.download({ what: "yolov5s", received: 5e6, total: 14e6 });
    progress.download({ what: "yolov5s", received: 14e6, total: 14e6 });
    progress.download({ what: "more", received: 1e6, total: undefined });
    progress.clear();
    progress.sources(0, 1);
    progress.sources(1, 3);
    progress.sources(3, 3);
    await new Promise((done) => setImmediate(done));
    expect(text()).toContain("Downloading yolov5s");
    expect(text()).toContain("5.0 MB of 14.0 MB");
    // A full bar would mean that the download is done.
    expect(text()).toContain("Downloading more ------------------------------ 1.0 MB");
    expect(text()).toContain("1 of 3");
    expect(text()).not.toContain("of 1\u001b");
    expect(world.stderr()).toBe("");
  });
});
