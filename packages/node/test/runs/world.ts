import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
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

/** Starts the command, interrupts it (Ctrl-C) once it writes a video below `out`, and returns its exit code. */
export async function interruptInVideo(argv: readonly string[], cwd: string): Promise<number | null> {
  const child = spawn(process.execPath, argv, { cwd, stdio: "ignore" });
  const ended = new Promise<number | null>((done) => child.on("close", done));
  const begun = async () => (await readdir(join(cwd, "out/tmp")).catch(() => [])).some((name) => name.endsWith(".mp4"));
  while (child.exitCode === null && !(await begun())) await setTimeout(10);
  child.kill("SIGINT");
  return ended;
}

/**
 * Makes a folder of programs in the place of ffmpeg and ffprobe, which make images where the camera `/dev/video7` would, and append what they are
 * asked for to the file `asked`. No machine of tests has a camera.
 */
export async function putCamera(cwd: string): Promise<string> {
  const programs = join(cwd, "camera");
  await mkdir(programs);
  const script = `#!/bin/sh
echo "$@" >> "${join(cwd, "asked")}"
for one; do
  shift
  case "$one" in v4l2) set -- "$@" lavfi ;; /dev/video7) set -- "$@" testsrc=size=64x48:rate=10 ;; *) set -- "$@" "$one" ;; esac
done
exec ffmpeg "$@"
`;
  for (const name of ["ffmpeg", "ffprobe"]) await writeFile(join(programs, name), script, { mode: 0o755 });
  return programs;
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
