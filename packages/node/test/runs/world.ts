import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { encodeModel } from "@whybox/core";
import sharp from "sharp";
import { makeImage, tameModel } from "../../../core/test/support/mini-detector.js";

/** A folder with a small model in it, `mini.onnx`. */
export async function runWorld(parent: string = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(parent, "whybox-runs-"));
  await writeFile(join(folder, "mini.onnx"), encodeModel(tameModel()));
  return folder;
}

/** Small images in which the small model finds something, each another. */
export async function putImages(folder: string, names: readonly string[]): Promise<void> {
  for (const [i, name] of names.entries()) {
    const { data, width, height } = makeImage(100 + i, [64, 64]);
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await sharp(data, { raw: { width, height, channels: 3 } }).toFile(join(folder, name));
  }
}

/** "p/000.png" and so on. */
export function imageNames(count: number, folder = "p"): string[] {
  return Array.from({ length: count }, (_, i) => `${folder}/${String(i).padStart(3, "0")}.png`);
}

/** What all runs with the small model are given. */
export const miniOptions = [
  ...["--weights", "mini.onnx", "--imgsz", "64", "--max-det", "3", "--conf", "0.01", "--method", "GradCAM"],
  ...["--workers", "1"],
];

/** Every file below a folder with its bytes as hex, by its path; the times only when they are wanted, and never the machines. */
export async function contents(folder: string, { timings = false } = {}): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === "machines.json" || (entry.name === "timings.jsonl" && !timings)) continue;
    const path = join(entry.parentPath, entry.name);
    found[path.slice(folder.length + 1)] = (await readFile(path)).toString("hex");
  }
  return found;
}

export async function lines<T = Record<string, unknown>>(path: string): Promise<T[]> {
  const text = await readFile(path, "utf8");
  return text === ""
    ? []
    : text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as T);
}
