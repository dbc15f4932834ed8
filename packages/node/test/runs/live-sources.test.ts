import { execFileSync, spawn, spawnSync } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RunVideoLine, resultLineSchema } from "../../src/runs/schema.js";
import { openVideo } from "../../src/runs/video/read-video.js";
import { FileServer } from "../support/file-server.js";
import { bin, launch } from "../support/launch.js";
import { interruptInVideo, lines, miniOptions, putCamera, runWorld } from "./world.js";

const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;

let cwd: string;
let live: Buffer;
let server: FileServer;
beforeAll(async () => {
  cwd = await runWorld();
  if (!hasFfmpeg) return;
  const made = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2", "-c:v", "mpeg2video", "-f", "mpegts"];
  live = execFileSync("ffmpeg", ["-v", "error", ...made, "pipe:1"]);
});
beforeEach(async () => {
  server = await FileServer.start();
  await rm(join(cwd, "out"), { recursive: true, force: true });
});
afterEach(() => server.stop());
afterAll(() => rm(cwd, { recursive: true, force: true }));

const explainArgv = (source: string, ...more: string[]) => [
  ...[bin, "explain", source, ...more, "--out", "out"],
  ...miniOptions.slice(0, -2), // without --workers
];
const result = async () => resultLineSchema.parse((await lines(join(cwd, "out/results.jsonl")))[0]) as RunVideoLine;

/** Sends the clip again and again, as a camera on the network does, and then nothing more. */
async function sendLive(response: ServerResponse, times: number): Promise<void> {
  for (let i = 0; i < times && !response.destroyed; i++) {
    response.write(live);
    await setTimeout(5);
  }
}

describe.skipIf(!hasFfmpeg || process.platform === "win32")("explain", () => {
  it("takes a stream to its end", { tags: ["long"] }, async () => {
    server.files.set("/live.ts", (_, response) => response.end(live));
    const ended = await launch([process.execPath, ...explainArgv(`${server.url}/live.ts`)], { cwd });
    expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining("1 source: ")]);
    expect(await result()).toMatchObject({ kind: "video", source: `${server.url}/live.ts`, frames: 20, warning: null });
  });

  it("keeps the frames of a stream that stalls, at Ctrl-C", { tags: ["long"] }, async () => {
    server.files.set("/live.ts", (_, response) => sendLive(response, 100));
    const argv = explainArgv(`${server.url}/live.ts`, "--max-frames", "1000000");
    expect(await interruptInVideo(argv, cwd)).toBe(130);
    const { kind, frames } = await result();
    expect([kind, frames > 0]).toEqual(["video", true]);
  });

  it("stops at Ctrl-C while a stream does not answer", { tags: ["long"] }, async () => {
    server.files.set("/live.ts", () => undefined);
    const child = spawn(process.execPath, explainArgv(`${server.url}/live.ts`), { cwd, stdio: "ignore" });
    const ended = new Promise<number | null>((done) => child.on("close", done));
    while (child.exitCode === null && server.requests.length === 0) await setTimeout(10);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
  });

  it("takes a camera", { tags: ["long"] }, async () => {
    const programs = await putCamera(cwd);
    const argv = [process.execPath, ...explainArgv("/dev/video7", "--max-frames", "3")];
    const ended = await launch(argv, { cwd, env: { WHYBOX_FFMPEG: programs } });
    expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining("1 source: ")]);
    expect(await result()).toMatchObject({ kind: "video", source: "/dev/video7", frames: 3, size: [48, 64] });
    expect(await readFile(join(cwd, "asked"), "utf8")).toMatch(/ -f v4l2 -i \/dev\/video7 /);
  });
});

describe.skipIf(!hasFfmpeg)("a stream that stalls", () => {
  const options = () => ({ stride: 1, maxFrames: null, signal: new AbortController().signal, stallMs: 3_000 });

  it("ends, says so, and gives the frames before", async () => {
    server.files.set("/live.ts", (_, response) => sendLive(response, 40));
    const video = await openVideo(`${server.url}/live.ts`, options());
    let frames = 0;
    for await (const { image } of video.frames()) frames += image.width === 64 ? 1 : 0;
    expect(frames).toBeGreaterThan(0);
    expect(video.complaint()).toBe("no data came for 3 s");
  });

  it("before its first byte is a failure that says so, and an abort ends the wait", async () => {
    server.files.set("/live.ts", () => undefined);
    const url = `${server.url}/live.ts`;
    await expect(openVideo(url, { ...options(), stallMs: 200 })).rejects.toMatchObject({
      code: "bad-input",
      message: expect.stringContaining("no answer within 0.2 s"),
    });
    const stop = new AbortController();
    const opening = openVideo(url, { ...options(), signal: stop.signal, stallMs: 1e6 });
    stop.abort();
    await expect(opening).rejects.toMatchObject({ code: "aborted" });
  });
});
