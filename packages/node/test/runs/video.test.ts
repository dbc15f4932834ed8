import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { frameLineSchema, mapLineSchema, type RunVideoLine, resultLineSchema } from "../../src/runs/schema.js";
import { ppmFrames } from "../../src/runs/video/ppm.js";
import { FileServer } from "../support/file-server.js";
import { bin, launch, whybox } from "../support/launch.js";
import { contents, interruptInVideo, lines, miniOptions, putCamera, putImages, runWorld } from "./world.js";

const whyNot = spawnSync("ffmpeg", ["-version"]).status === 0 ? undefined : "no ffmpeg here: videos are not tested";
// In CI it must be there: see .ci/run.
if (whyNot !== undefined && process.env.CI === "true") throw new Error(whyNot);
if (whyNot !== undefined) console.warn(whyNot);

let cwd: string;
beforeAll(async () => {
  cwd = await runWorld();
  if (whyNot !== undefined) return;
  // 20 frames, 10 a second, with an odd side.
  const source = "testsrc=size=64x47:rate=10:duration=2";
  execFileSync("ffmpeg", [
    "-v",
    "error",
    "-f",
    "lavfi",
    "-i",
    source,
    "-pix_fmt",
    "yuv444p",
    "-g",
    "4",
    join(cwd, "clip.mp4"),
  ]);
  const whole = await readFile(join(cwd, "clip.mp4"));
  execFileSync("ffmpeg", ["-v", "error", "-i", join(cwd, "clip.mp4"), "-c", "copy", join(cwd, "clip.mkv")]);
  const mkv = await readFile(join(cwd, "clip.mkv"));
  await writeFile(join(cwd, "cut.mkv"), mkv.subarray(0, Math.round(mkv.length * 0.6)));
  await writeFile(join(cwd, "torn.mp4"), whole.subarray(0, Math.round(whole.length * 0.6)));
});
beforeEach(() => rm(join(cwd, "out"), { recursive: true, force: true }));

const run = (...argv: string[]) => whybox(["run", ...argv, "--out", "out", ...miniOptions], { cwd });
const result = async () => resultLineSchema.parse((await lines(join(cwd, "out/results.jsonl")))[0]) as RunVideoLine;
const probe = (path: string, entry: string) =>
  execFileSync(
    "ffprobe",
    ["-v", "error", "-count_frames", "-show_entries", `stream=${entry}`, "-of", "csv=p=0", path],
    {
      encoding: "utf8",
    },
  ).trim();

describe.skipIf(whyNot !== undefined)("videos", () => {
  it("come out with the overlay, and sidecars with a line for each explained frame", async () => {
    expect(await run("clip.mp4", "--vid-stride", "3")).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^1 source\.\n1 source: \d+ detection/),
    });
    const line = await result();
    expect(line).toMatchObject({
      kind: "video",
      source: "clip.mp4",
      size: [47, 64],
      fps: 10,
      frames: 7,
      stride: 3,
      warning: null,
    });
    const frames = (await lines(join(cwd, "out", line.files.frames))).map((one) => frameLineSchema.parse(one));
    expect(frames.map(({ frame, time }) => [frame, time])).toEqual([0, 3, 6, 9, 12, 15, 18].map((n) => [n, n / 10]));
    expect(frames.reduce((sum, { detections }) => sum + detections.length, 0)).toBe(line.detections);
    expect(line.detections).toBeGreaterThan(0);
    const maps = (await lines(join(cwd, "out", line.files.maps))).map((one) => mapLineSchema.parse(one));
    expect(maps.map(({ frame }) => frame)).toEqual(frames.map(({ frame }) => frame));
    // The odd side got a line.
    expect(probe(join(cwd, "out", line.files.video), "width,height,nb_read_frames")).toBe("64,48,7");
    expect(await readdir(join(cwd, "out"))).not.toContain("tmp");
  });

  it("give the same bytes again, and stand among images in the order of the list", { tags: ["long"] }, async () => {
    await putImages(cwd, ["m/a.png", "m/z.png"]);
    await writeFile(join(cwd, "m/clip.mp4"), await readFile(join(cwd, "clip.mp4")));
    await run("m", "--max-frames", "4");
    const first = await contents(join(cwd, "out"));
    expect((await lines<{ kind: string }>(join(cwd, "out/results.jsonl"))).map(({ kind }) => kind)).toEqual([
      "picture",
      "video",
      "picture",
    ]);
    await rm(join(cwd, "out"), { recursive: true });
    await run("m", "--max-frames", "4", "--workers", "3");
    expect(await contents(join(cwd, "out"))).toEqual(first);
    expect((await whybox(["run", "--resume", "--parquet", "--out", "out"], { cwd })).stderr).toMatch(
      /detections\.parquet: \d+ rows/,
    );
  });

  it("carry maps between frames where that is asked for, and say so", { tags: ["long"] }, async () => {
    const frames = async () => {
      const { files } = await result();
      const parsed = (await lines(join(cwd, "out", files.frames))).map((one) => frameLineSchema.parse(one));
      const maps = (await lines(join(cwd, "out", files.maps))).map((one) => mapLineSchema.parse(one));
      return { parsed, maps };
    };
    await run("clip.mp4");
    const each = await frames();
    await rm(join(cwd, "out"), { recursive: true });
    expect(await run("clip.mp4", "--map-stride", "4")).toMatchObject({ code: 0 });
    const some = await frames();
    const first = await contents(join(cwd, "out"));
    const keys = some.parsed.filter(({ mapFrame }) => mapFrame === undefined).map(({ frame }) => frame);
    for (const frame of [0, 4, 8, 12, 16]) expect(keys).toContain(frame);
    expect(keys.length).toBeLessThan(20);
    for (const [i, { frame, mapFrame, size, detections }] of some.parsed.entries()) {
      const own = each.parsed[i]!;
      expect([frame, size]).toEqual([own.frame, own.size]);
      expect(detections.map(({ box, score }) => [box, score])).toEqual(
        own.detections.map(({ box, score }) => [box, score]),
      );
      if (mapFrame === undefined) expect([detections, some.maps[i]]).toEqual([own.detections, each.maps[i]]);
      else {
        expect(keys).toContain(mapFrame);
        const there = some.parsed[mapFrame]!.detections.map(({ heat }) => heat);
        for (const { heat } of detections) if (heat !== null) expect(there).toContainEqual(heat);
      }
    }
    await rm(join(cwd, "out"), { recursive: true });
    await run("clip.mp4", "--map-stride", "4", "--workers", "3");
    expect(await contents(join(cwd, "out"))).toEqual(first);
    const other = await run("clip.mp4", "--map-stride", "2", "--resume");
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining("options.mapStride: 4 in the run, 2 now")]);
  });

  it("that are cut off keep the frames before the cut, with a warning; unreadable ones are failures", {
    tags: ["long"],
  }, async () => {
    await run("cut.mkv");
    const line = await result();
    expect(line.frames).toBeGreaterThan(3);
    expect(line.frames).toBeLessThan(20);
    await rm(join(cwd, "out"), { recursive: true });
    await writeFile(join(cwd, "text.mp4"), "I am no video.");
    expect(await run("torn.mp4", "text.mp4")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("torn.mp4 as a video"),
    });
    const failures = (await lines(join(cwd, "out/results.jsonl"))).map((one) => resultLineSchema.parse(one));
    expect(failures.map(({ kind }) => kind)).toEqual(["failure", "failure"]);
    expect(JSON.stringify(failures)).not.toContain(cwd);
  });

  it("may come from an address, and may not name files there", { tags: ["long"] }, async () => {
    const server = await FileServer.start();
    server.files.set("/clip.mp4", await readFile(join(cwd, "clip.mp4")));
    await run(`${server.url}/clip.mp4`, "--max-frames", "2", "--allow-private");
    expect(await result()).toMatchObject({ kind: "video", frames: 2 });
    await rm(join(cwd, "out"), { recursive: true });
    const refused = await run(`${server.url}/clip.mp4`, "--max-frames", "2");
    expect(refused.stderr).toMatch(/is an address in a private network\. Use --allow-private/);
    // A playlist that calls itself a video may not lead ffmpeg to the network.
    await writeFile(
      join(cwd, "list.mp4"),
      `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${server.url}/secret.ts\n#EXT-X-ENDLIST\n`,
    );
    await rm(join(cwd, "out"), { recursive: true });
    expect(await run("list.mp4")).toMatchObject({ code: 3 });
    expect(server.requests).not.toContain("/secret.ts");
    await server.stop();
  });
});

describe.skipIf(whyNot !== undefined || process.platform === "win32")("a stream", () => {
  it("that never ends keeps what was seen of it at Ctrl-C, and is done then", { tags: ["long"] }, async () => {
    const to = ["-c", "copy", "-f", "mpegts", join(cwd, "live.ts")];
    execFileSync("ffmpeg", ["-v", "error", "-i", join(cwd, "clip.mp4"), ...to]);
    const bytes = await readFile(join(cwd, "live.ts"));
    const server = await FileServer.start();
    server.files.set("/live.ts", (_, response) => {
      const timer = setInterval(() => response.write(bytes), 20);
      response.on("close", () => clearInterval(timer));
    });
    const argv = [
      "run",
      `${server.url}/live.ts`,
      "--vid-stride",
      "7",
      "--allow-private",
      "--out",
      "out",
      ...miniOptions,
    ];
    expect(await interruptInVideo([bin, ...argv], cwd)).toBe(130);
    await server.stop();
    const line = await result();
    expect(line.kind).toBe("video");
    expect(line.frames).toBeGreaterThan(0);
    expect(await lines(join(cwd, "out", line.files.frames))).toHaveLength(line.frames);
    expect(probe(join(cwd, "out", line.files.video), "nb_read_frames")).toBe(String(line.frames));
    expect(await whybox(["run", "--resume", "--out", "out"], { cwd })).toMatchObject({ code: 0 });
    expect((await lines(join(cwd, "out/results.jsonl"))).length).toBe(1);
  });
});

describe.skipIf(whyNot !== undefined || process.platform === "win32")("a camera", () => {
  let programs: string;
  beforeAll(async () => {
    programs = await putCamera(cwd);
  });

  it("is read by its device, and ends after so many frames", { tags: ["long"] }, async () => {
    const argv = ["run", "/dev/video7", "--max-frames", "3", "--out", "out", ...miniOptions];
    const ended = await launch([process.execPath, bin, ...argv], { cwd, env: { WHYBOX_FFMPEG: programs } });
    expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining("1 source: ")]);
    expect(await result()).toMatchObject({
      kind: "video",
      source: "/dev/video7",
      fps: null,
      frames: 3,
      size: [48, 64],
    });
    expect(await readFile(join(cwd, "asked"), "utf8")).toMatch(/ -f v4l2 -i \/dev\/video7 .* -frames:v 3 /);
  });

  it("that is not there is a failure that says so", async () => {
    const ended = await run("/dev/video7", "--max-frames", "1");
    expect([ended.code, ended.stderr]).toEqual([
      3,
      expect.stringMatching(/\/dev\/video7 has no frame that can be decoded: .*No such file/),
    ]);
  });
});

describe("without ffmpeg", () => {
  const without = (...argv: string[]) =>
    launch([process.execPath, bin, "run", ...argv, "--out", "out", ...miniOptions], {
      cwd,
      env: { WHYBOX_FFMPEG: join(cwd, "nothing") },
    });

  it("a video is refused before anything is made, and one in a folder is left out with a word", async () => {
    await writeFile(join(cwd, "some.mp4"), "x");
    const refused = await without("some.mp4");
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(
        /Videos and streams need ffmpeg, but .* was not found\. Install it \(apt-get install ffmpeg/,
      ),
    ]);
    expect(await readdir(cwd)).not.toContain("out");
    await mkdir(join(cwd, "v"), { recursive: true });
    await putImages(cwd, ["v/a.png"]);
    await writeFile(join(cwd, "v/b.mp4"), "x");
    const left = await without("v");
    expect([left.code, left.stderr]).toEqual([0, expect.stringMatching(/^Skipped a video\. .*\n1 source\./)]);
  });
});

afterAll(() => rm(cwd, { recursive: true, force: true }));

describe("ppmFrames", () => {
  it("gives the images of a stream however it is cut", async () => {
    const images = [
      [3, 2],
      [1, 1],
      [40, 30],
    ].map(([width, height], i) => ({
      width: width!,
      height: height!,
      data: new Uint8Array(width! * height! * 3).fill(10 + i),
    }));
    const whole = Buffer.concat(
      images.flatMap(({ width, height, data }) => [Buffer.from(`P6\n${width} ${height}\n255\n`), data]),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
        fc.nat({ max: 3600 }),
        async (sizes, end) => {
          async function* chunks() {
            const bytes = whole.subarray(0, Math.max(end, 1));
            for (let at = 0, i = 0; at < bytes.length; at += sizes[i++ % sizes.length]!)
              yield bytes.subarray(at, at + sizes[i % sizes.length]!);
          }
          const found = [];
          for await (const image of ppmFrames(chunks())) found.push(image);
          const ends = [29, 29 + 14, whole.length];
          expect(found).toEqual(images.slice(0, ends.filter((one) => one <= end).length));
        },
      ),
    );
  });

  it.each(["P5\n1 1\n255\n.....................", "P6\n9 9\n65535\n.....................", "x".repeat(40)])(
    "refuses %j",
    async (text) => {
      async function* chunks() {
        yield Buffer.from(text);
      }
      await expect(ppmFrames(chunks()).next()).rejects.toThrow(/not a PPM image/);
    },
  );
});
