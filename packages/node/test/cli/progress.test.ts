import { describe, expect, it } from "vitest";
import { createProgress } from "../../src/cli/progress.js";
import { createWorld, fakeTerminal } from "./fake-world.js";

describe("progress", () => {
  it("prints one line per download without a terminal", () => {
    const world = createWorld();
    const progress = createProgress(world.context, { quiet: false });
    for (const received of [0, 5e6, 14e6]) progress.download({ what: "yolov5s\u001b[1m", received, total: 14e6 });
    progress.download({ what: "other", received: 0, total: undefined });
    progress.sources(1, 2);
    progress.clear();
    expect(world.stderr()).toBe("Downloading yolov5s\\x1b[1m (14.0 MB) …\nDownloading other …\n");
  });

  it("prints nothing with --quiet", () => {
    const world = createWorld();
    const { stream, text } = fakeTerminal();
    const progress = createProgress({ ...world.context, barStream: stream }, { quiet: true });
    progress.download({ what: "yolov5s", received: 0, total: 10 });
    progress.sources(0, 2);
    progress.image({ step: "explain", done: 0, total: 9 });
    progress.clear();
    expect(world.stderr() + text()).toBe("");
  });

  it("shows no bar with --json", async () => {
    const world = createWorld();
    const { stream, text } = fakeTerminal();
    let clock = 0;
    const options = { quiet: false, json: true, now: () => (clock += 5000) };
    const progress = createProgress({ ...world.context, barStream: stream }, options);
    progress.sources(0, 2);
    for (const done of [0, 1, 2]) progress.image({ step: "explain", done, total: 9 });
    await new Promise((done) => setImmediate(done));
    expect(world.stderr() + text()).toBe("");
  });

  it("shows a step of an image when it takes longer than a second", async () => {
    const world = createWorld();
    const { stream, text } = fakeTerminal();
    let clock = 0;
    const progress = createProgress({ ...world.context, barStream: stream }, { quiet: false, now: () => clock });
    const shownBy = async (step: "explain" | "write", done: number) => {
      const before = text().length;
      progress.image({ step, done, total: 512 });
      await new Promise((done) => setImmediate(done));
      return text().slice(before);
    };
    progress.sources(0, 1);
    expect(await shownBy("explain", 0)).toBe("");
    clock = 900;
    expect(await shownBy("explain", 64)).toBe("");
    clock = 1100;
    expect(await shownBy("explain", 128)).toContain("Explaining");
    expect(text()).toContain("128 of 512 runs");
    expect(await shownBy("explain", 512)).not.toContain("512 of 512");
    // The next step has its own second.
    expect(await shownBy("write", 0)).toBe("");
    clock = 2200;
    expect(await shownBy("write", 3)).toContain("3 of 512 files");
    // Of several images, the bar shows the images.
    progress.clear();
    progress.sources(1, 4);
    expect(await shownBy("explain", 0)).not.toContain("runs");
    clock = 4000;
    progress.clear();
    expect(await shownBy("explain", 256)).toContain("1 of 4, 256 of 512 runs");
    progress.clear();
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
