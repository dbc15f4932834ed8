import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeModel } from "@whybox/core";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { tameModel } from "../../../core/test/support/mini-detector.js";
import {
  itemSchema,
  type MapLine,
  machinesSchema,
  manifestSchema,
  mapLineSchema,
  type RunImageLine,
  resultLineSchema,
  successSchema,
  timingLineSchema,
} from "../../src/runs/schema.js";
import { tiff32 } from "../io/image-files.js";
import { FileServer } from "../support/file-server.js";
import { bin, launch, whybox } from "../support/launch.js";
import { whyNoDisk, withDisk } from "../support/refusals.js";
import { contents, imageNames, lines, miniOptions, putImages, runWorld } from "./world.js";

let cwd: string;
beforeAll(async () => {
  cwd = await runWorld();
  await putImages(cwd, [...imageNames(7), "p/deep/x.png"]);
  await writeFile(join(cwd, "p/bad.jpg"), "I am no image.");
});
beforeEach(() => rm(join(cwd, "out"), { recursive: true, force: true }));

const run = (...argv: string[]) => whybox(["run", ...argv], { cwd });
const mini = (...argv: string[]) => run("p", "--out", "out", ...miniOptions, ...argv);
const text = (name: string) => readFile(join(cwd, "out", name), "utf8");

describe("whybox run", () => {
  it("writes a folder whose files are of their schemas", async () => {
    const { code, stderr, stdout } = await mini("--recursive", "--save", "png", "npy");
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toMatch(
      /^9 sources\.\nerror: p\/bad\.jpg contains text; .*\n9 sources: \d+ detections, 1 failed; results in out\n$/,
    );
    const manifest = manifestSchema.parse(JSON.parse(await text("manifest.json")));
    expect(manifest.items.count).toBe(9);
    expect(manifest.options.explain).toMatchObject({ method: "GradCAM", per: "detection", confidence: 0.01 });
    const items = (await lines(join(cwd, "out/items.jsonl"))).map((line) => itemSchema.parse(line));
    const results = (await lines(join(cwd, "out/results.jsonl"))).map((line) => resultLineSchema.parse(line));
    expect(results.map(({ item, source }) => [item, source])).toEqual(items.map(({ source }, i) => [i, source]));
    const maps = (await lines(join(cwd, "out/maps.jsonl"))).map((line) => mapLineSchema.parse(line));
    const timings = (await lines(join(cwd, "out/timings.jsonl"))).map((line) => timingLineSchema.parse(line));
    expect([maps.length, timings.length]).toEqual([9, 9]);
    expect(successSchema.parse(JSON.parse(await text("_SUCCESS")))).toMatchObject({ first: 0, end: 9, failures: 1 });
    const [first] = results as [RunImageLine];
    const file = await readFile(join(cwd, first.source));
    expect(first.sha256).toBe(createHash("sha256").update(file).digest("hex"));
    const { machines } = machinesSchema.parse(JSON.parse(await text("machines.json")));
    expect(machines).toMatchObject([{ os: process.platform, node: process.version }]);
    expect(machines[0]!.last >= machines[0]!.first).toBe(true);
    const files = Object.keys(await contents(join(cwd, "out"))).filter((path) => path.startsWith("files/"));
    const told = results.flatMap((line) =>
      line.kind === "picture" ? [...named(line.files), ...line.detections.flatMap(({ files }) => named(files))] : [],
    );
    expect(files.sort()).toEqual(told.sort());
    expect(files).toContain("files/0000/0-000.png");
  });

  it("says in which range it reads images of floats, of the first few", async () => {
    await mkdir(join(cwd, "floats"), { recursive: true });
    const tiff = tiff32(64, new Float32Array(64 * 64).fill(0.5), 1);
    for (const name of ["a", "b", "c", "d", "e"]) await writeFile(join(cwd, "floats", `${name}.tif`), tiff);
    const { code, stderr } = await run("floats", "--out", "out", ...miniOptions);
    const notes = ["a", "b", "c"].map(
      (name) => `floats/${name}.tif: values of 32 bits, read as 0 to 1, which holds the largest.`,
    );
    expect([code, stderr.split("\n").slice(1, 5)]).toEqual([
      0,
      [...notes, "Further notes of this kind are not shown."],
    ]);
  });

  it("measures each detection's own map", async () => {
    await mini("--save", "npy");
    const [line] = (await lines(join(cwd, "out/results.jsonl"))) as unknown as RunImageLine[];
    const [map] = (await lines(join(cwd, "out/maps.jsonl"))) as unknown as MapLine[];
    expect(line!.detections.length).toBeGreaterThan(0);
    for (const [i, { box, heat, files }] of line!.detections.entries()) {
      const npy = await readFile(join(cwd, "out", files!.npy!));
      const heatmap = new Float32Array(
        npy.buffer.slice(npy.byteOffset + npy.length - 4 * 64 * 64, npy.byteOffset + npy.length),
      );
      // By hand, from the array that was saved.
      let [inside, all, pixels] = [0, 0, 0];
      for (const [at, value] of heatmap.entries()) {
        const [x, y] = [(at % 64) + 0.5, Math.floor(at / 64) + 0.5];
        all += value;
        if (x < box[0] || x >= box[2] || y < box[1] || y >= box[3]) continue;
        inside += value;
        pixels++;
      }
      expect(heat!.inBox).toBeCloseTo(all > 0 ? inside / all : 0, 5);
      expect(heat!.area).toBeCloseTo(pixels / 4096, 5);
      expect(heat!.ratio).toBeCloseTo(inside / all / (pixels / 4096), 3);
      const peak = heatmap.indexOf(Math.max(...heatmap));
      expect(heat!.peak).toEqual([(peak % 64) + 0.5, Math.floor(peak / 64) + 0.5]);
      const small = Buffer.from(map!.maps[i]!.picture, "base64");
      expect(small.length).toBe(32 * 32);
      // A cell of 2 × 2 pixels; its mean.
      const cell = (heatmap[0]! + heatmap[1]! + heatmap[64]! + heatmap[65]!) / 4;
      expect(small[0]).toBe(Math.round(255 * cell));
      expect(Buffer.from(map!.maps[i]!.box!, "base64").length).toBe(24 * 24);
    }
  });

  it("gives the same bytes with any number of workers", async () => {
    await mini("--save", "png");
    const first = await contents(join(cwd, "out"));
    await rm(join(cwd, "out"), { recursive: true });
    await mini("--save", "png", "--workers", "3");
    expect(await contents(join(cwd, "out"))).toEqual(first);
  });

  it("goes on with a run, with its options or without any, and names what differs", { tags: ["long"] }, async () => {
    await mini();
    const first = await contents(join(cwd, "out"));
    expect(await mini()).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/out already contains a run\. Use --resume/),
    });
    const other = await mini("--resume", "--iou", "0.5", "--class-names", "dog", "--recursive");
    expect(other.code).toBe(2);
    expect(other.stderr).toContain("listing.recursive: false in the run, true now");
    expect(other.stderr).toContain("options.explain.iou: 0.45 in the run, 0.5 now");
    expect(other.stderr).toContain('options.explain.classNames: [] in the run, ["dog"] now');
    for (const again of [() => mini("--resume"), () => run("--resume", "--out", "out", "--workers", "2")]) {
      const whole = await text("results.jsonl");
      await writeFile(join(cwd, "out/results.jsonl"), whole.slice(0, whole.length / 2));
      await rm(join(cwd, "out/_SUCCESS"));
      expect(await again()).toMatchObject({ code: 0 });
      expect(await contents(join(cwd, "out"))).toEqual(first);
    }
  });

  it("goes on with a run of an older version, whose manifest has fewer facts", { tags: ["long"] }, async () => {
    await mini();
    const whole = await text("results.jsonl");
    const manifest = JSON.parse(await text("manifest.json")) as { model: Record<string, unknown> };
    expect(manifest.model).toMatchObject({ precision: "float32", storedPrecision: "float32" });
    const { precision: _, storedPrecision: __, ...model } = manifest.model;
    await writeFile(join(cwd, "out/manifest.json"), JSON.stringify({ ...manifest, model }));
    for (const name of ["_SUCCESS", "results.jsonl", "maps.jsonl", "timings.jsonl", "machines.json"])
      await rm(join(cwd, "out", name));
    expect(await run("--resume", "--out", "out", "--workers", "1")).toMatchObject({ code: 0 });
    expect(await text("results.jsonl")).toBe(whole);
  });

  it("goes on with no other model", { tags: ["long"] }, async () => {
    await mini();
    for (const name of ["_SUCCESS", "results.jsonl", "maps.jsonl", "timings.jsonl"]) await rm(join(cwd, "out", name));
    await copyFile(join(cwd, "mini.onnx"), join(cwd, "kept.onnx"));
    await writeFile(join(cwd, "mini.onnx"), encodeModel(tameModel(0.1)));
    const { code, stderr } = await run("--resume", "--out", "out");
    await copyFile(join(cwd, "kept.onnx"), join(cwd, "mini.onnx"));
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/model\.sha256: "[0-9a-f]{64}" in the run, "[0-9a-f]{64}" now/),
    ]);
  });

  it.each([
    [["--out", "out"], 2, /No source given\. Sources are optional only with --resume/],
    [["p"], 2, /--out is missing/],
    [
      ["--resume", "--out", "out", "--conf", "0.5"],
      2,
      /--conf: without sources, a run continues with its original options/,
    ],
    [["--resume", "--out", "out"], 3, /out is not a run: it has no manifest\.json/],
    [["gone", "--out", "out"], 3, /gone: no such file or folder/],
    [["p", "--out", "out", "--weights", "gone.onnx"], 3, /The file "gone\.onnx" does not exist/],
    [["p", "--out", "out", "--weights", "p/000.png"], 3, /p\/000\.png: /],
    [["p", "--out", "out", "--box", "1"], 2, /unknown option '--box'/],
    [["p", "--out", "mini.onnx"], 6, /a file exists where a folder is needed/],
  ])("refuses %j and leaves nothing behind", async (argv, code, message) => {
    const ended = await run(...argv);
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringMatching(message)]);
    expect(ended.stderr).not.toMatch(/^\s+at /m);
    expect(await readdir(cwd)).not.toContain("out");
  });

  it("refuses lines without a manifest, a damaged manifest, and another item list", { tags: ["long"] }, async () => {
    await mkdir(join(cwd, "out"));
    await writeFile(join(cwd, "out/results.jsonl"), "");
    expect((await mini("--resume")).stderr).toMatch(/contains results\.jsonl but no manifest\.json/);
    await rm(join(cwd, "out"), { recursive: true });
    await mini();
    await writeFile(join(cwd, "out/items.jsonl"), '{"kind":"image","source":"p/000.png"}\n');
    expect((await mini("--resume")).stderr).toMatch(/items\.jsonl has changed/);
    await writeFile(join(cwd, "out/manifest.json"), '{"schemaVersion":2}');
    expect((await mini("--resume")).stderr).toMatch(/it has version 2, and this version of Whybox supports version 1/);
    await writeFile(join(cwd, "out/manifest.json"), "{");
    expect((await mini("--resume")).stderr).toMatch(/is not a valid manifest of a run/);
  });

  it("writes Parquet that others read", async () => {
    await mini("--parquet", "--recursive");
    const results = (await lines(join(cwd, "out/results.jsonl"))) as unknown as RunImageLine[];
    const found = results.flatMap(({ item, source, detections = [] }) =>
      detections.map((one) => ({ item, source, ...one })),
    );
    const file = await asyncBufferFromFile(join(cwd, "out/detections.parquet"));
    const rows = await parquetReadObjects({ file });
    expect(rows).toHaveLength(found.length);
    for (const [i, row] of rows.entries()) {
      const { item, source, name, score, box, heat } = found[i]!;
      expect(row).toMatchObject({
        item,
        source,
        name,
        score,
        frame: null,
        height: 64,
        in_box: heat!.inBox,
        ratio: heat!.ratio,
      });
      expect([row.x1, row.y1, row.x2, row.y2]).toEqual(box);
    }
    // A run that is done gets it without being done again.
    await rm(join(cwd, "out/detections.parquet"));
    expect(await run("--resume", "--out", "out", "--parquet")).toMatchObject({ code: 0 });
    expect(await readdir(join(cwd, "out"))).toContain("detections.parquet");
  });

  it("takes a list from stdin and addresses, and refuses private ones unless allowed", { tags: ["long"] }, async () => {
    const server = await FileServer.start();
    server.files.set("/a.png", await readFile(join(cwd, "p/000.png")));
    const list = `p/001.png\n${server.url}/a.png\n`;
    await writeFile(join(cwd, "list.txt"), list);
    const node = [
      "sh",
      "-c",
      'exec "$@" < list.txt',
      "sh",
      process.execPath,
      bin,
      "run",
      "-",
      "--out",
      "out",
      ...miniOptions,
    ];
    const refused = await launch(node, { cwd });
    expect([refused.code, refused.stderr]).toEqual([
      0,
      expect.stringMatching(/is an address in a private network\. Use --allow-private/),
    ]);
    await rm(join(cwd, "out"), { recursive: true });
    const allowed = await run("list.txt", "--allow-private", "--out", "out", ...miniOptions);
    expect([allowed.code, allowed.stderr]).toEqual([0, expect.not.stringContaining("error")]);
    await server.stop();
  });

  it("takes what a thread could not do for a failure of that image", async () => {
    const script = `import { createPool } from ${JSON.stringify(new URL("../../dist/runs/pool.js", import.meta.url).href)};
      const pool = createPool({ model: "mini.onnx", weights: "mini.onnx", threads: 1, settings: { device: "cpu" } }, 1);
      const outcome = pool.explain({ kind: "image", item: () => "what cannot be sent to a thread" });
      console.log(JSON.stringify(await outcome.catch((error) => error.message)));
      await pool.close();`;
    const { stdout } = await launch([process.execPath, "--input-type=module", "-e", script], { cwd });
    expect(JSON.parse(stdout)).toMatchObject([{ ok: false, code: "internal" }]);
  });

  it("says 3 when nothing could be explained", async () => {
    expect(await run("p/bad.jpg", "--out", "out", ...miniOptions)).toMatchObject({ code: 3 });
  });
});

describe("a disk of its own", () => {
  it("read-only: is refused before the model is loaded", async (test) => {
    await mkdir(join(cwd, "out"));
    const why = whyNoDisk(join(cwd, "out"));
    if (why !== undefined) return test.skip(why);
    const command = [process.execPath, bin, "run", "p", "--out", "out", "--weights", "never-read.onnx"];
    const { code, stderr } = await launch(withDisk("out", "ro", command), { cwd });
    expect([code, stderr]).toEqual([6, expect.stringMatching(/the file system is read-only \(EROFS\)/)]);
  });
});

describe("whybox explain with more than a few images", () => {
  const [, , ...options] = miniOptions.slice(0, -2);
  const explain = (...argv: string[]) => whybox(["explain", ...argv, "--weights", "mini.onnx", ...options], { cwd });

  it("explains a list as a run, and says so", async () => {
    await writeFile(join(cwd, "list.txt"), "p/000.png\np/001.png\n");
    const { code, stdout, stderr } = await explain("list.txt", "--out", "out");
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toMatch(
      /^A list: explained as a run, line by line in out .*\n2 sources\.\n2 sources: \d+ detections in /,
    );
    const results = (await lines(join(cwd, "out/results.jsonl"))).map((line) => resultLineSchema.parse(line));
    expect(results.map((line) => (line.kind === "picture" ? line.files.png : ""))).toEqual([
      "files/0000/0-000.png",
      "files/0000/1-001.png",
    ]);
    const { options: made } = manifestSchema.parse(JSON.parse(await text("manifest.json")));
    expect(made).toMatchObject({ save: ["png"], allowPrivate: false, maxFrames: null, explain: { per: "detection" } });
    expect(await run("--resume", "--out", "out")).toMatchObject({ code: 0 });
  });

  it("explains a folder of more than a hundred images as a run, unless its documents are asked for", async () => {
    await mkdir(join(cwd, "many"), { recursive: true });
    for (let i = 0; i < 101; i++) await copyFile(join(cwd, "p/000.png"), join(cwd, "many", `${i}.png`));
    const { code, stderr } = await explain("many", "--save", "json");
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^101 images: explained as a run, line by line in runs.explain.exp /),
    ]);
    expect(await lines(join(cwd, "runs/explain/exp/results.jsonl"))).toHaveLength(101);
    const { stdout } = await explain("many", "--save", "json", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ summary: { failed: 0, exitCode: 0 } });
  });

  it("refuses options of single images, and makes no folder", async () => {
    await writeFile(join(cwd, "list.txt"), "p/000.png\n");
    const { code, stderr } = await explain("list.txt", "--out", "out", "--json", "--require-detections");
    expect(code).toBe(2);
    expect(stderr).toContain("--json and --require-detections need images, but the source is a list. Leave them out.");
    expect(await readdir(cwd)).not.toContain("out");
  });
});

function named(files: object | null): string[] {
  return Object.values(files ?? {}).filter((path): path is string => path !== null);
}
