// @module-tag long

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch } from "../support/launch.js";
import { bmp, tiff32 } from "./image-files.js";

/** Bytes for each pixel that decoding may take, beside three times the file and 64 MB. docs/security.md states it. */
const PIXEL_BYTES = 32;
const [WIDTH, HEIGHT] = [4000, 3000];

/** Decodes a small image and then a large one, and prints how much the memory rose at most. */
const script = `
import { readFileSync, writeFileSync } from "node:fs";
import { decodeImage } from "${import.meta.resolve("whybox")}";
const bytes = (key) => 1024 * Number(new RegExp("^" + key + ":\\\\s+(\\\\d+) kB", "m").exec(readFileSync("/proc/self/status", "utf8"))[1]);
const [small, large] = ["small", "large"].map((name) => readFileSync(name));
await decodeImage(small);
writeFileSync("/proc/self/clear_refs", "5");
const before = bytes("VmRSS");
const { width, height } = await decodeImage(large);
console.log(JSON.stringify({ width, height, memory: bytes("VmHWM") - before }));
`;

const flat = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "#4080c0" }, limitInputPixels: false });
const encoded = (encode: (image: Sharp) => Sharp) => (width: number, height: number) =>
  encode(flat(width, height)).toBuffer();

/** The forms of each format that take the most. */
const files: Readonly<Record<string, (width: number, height: number) => Promise<Uint8Array> | Uint8Array>> = {
  "PNG of 16 bits with alpha, interlaced": encoded((image) =>
    image.ensureAlpha(0.5).toColourspace("rgb16").png({ progressive: true }),
  ),
  "turned progressive JPEG": encoded((image) => image.withMetadata({ orientation: 6 }).jpeg({ progressive: true })),
  "WebP with alpha": encoded((image) => image.ensureAlpha(0.5).webp({ effort: 0 })),
  "lossless WebP": encoded((image) => image.webp({ lossless: true, effort: 0 })),
  "AVIF of 10 bits": encoded((image) => image.avif({ effort: 0, chromaSubsampling: "4:4:4", bitdepth: 10 })),
  "turned AVIF with alpha": encoded((image) =>
    image.ensureAlpha(0.5).withMetadata({ orientation: 6 }).avif({ effort: 0, chromaSubsampling: "4:4:4" }),
  ),
  GIF: encoded((image) => image.gif({ effort: 1 })),
  "TIFF of floats": (width, height) => tiff32(width, new Float32Array(width * height * 3).fill(0.25), 3),
  BMP: (width, height) => bmp(Array(height).fill(Array(width).fill([1, 2, 3]))),
};

describe.runIf(process.platform === "linux")("large images that are honest", () => {
  let cwd: string;
  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), "whybox-memory-"));
    await writeFile(join(cwd, "script.mjs"), script);
  });
  afterAll(() => rm(cwd, { recursive: true }));

  it.each(Object.keys(files))("%s", async (name) => {
    const large = await files[name]!(WIDTH, HEIGHT);
    await writeFile(join(cwd, "small"), await files[name]!(64, 48));
    await writeFile(join(cwd, "large"), large);
    const { code, stdout, stderr } = await launch([process.execPath, "script.mjs"], { cwd });
    expect(code, stderr).toBe(0);
    const { width, height, memory } = JSON.parse(stdout);
    expect([width, height].sort()).toEqual([HEIGHT, WIDTH]);
    expect(memory).toBeLessThan(3 * large.length + 64 * 2 ** 20 + PIXEL_BYTES * width * height);
  });
});
