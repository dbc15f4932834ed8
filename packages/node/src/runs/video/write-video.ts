import { once } from "node:events";
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type RgbImage, WhyboxError } from "@whybox/core";
import { writeError } from "../../io/disk-failure.js";
import { renameFile } from "../../io/rename-file.js";
import { syncFile } from "../../io/write-file.js";
import { lastWords, type RunningProgram, startProgram } from "./ffmpeg.js";

/** Paths of a video's files, relative to the run's folder. */
export interface VideoFiles {
  readonly video: string;
  readonly frames: string;
  readonly maps: string;
}

/** Number of characters of a sidecar to buffer before writing. */
const FLUSH_CHARACTERS = 2 ** 20;

/** Writes the files of one video. They are in `tmp` until all frames are complete, and are then moved together. */
export class VideoWriter {
  readonly #folder: string;
  readonly #files: VideoFiles;
  readonly #temporary: VideoFiles;
  readonly #sidecars: ReadonlyMap<"frames" | "maps", { readonly file: FileHandle; text: string }>;
  readonly #encoder: RunningProgram;

  private constructor(
    folder: string,
    files: VideoFiles,
    temporary: VideoFiles,
    sidecars: readonly FileHandle[],
    encoder: RunningProgram,
  ) {
    this.#folder = folder;
    this.#files = files;
    this.#temporary = temporary;
    this.#sidecars = new Map((["frames", "maps"] as const).map((name, i) => [name, { file: sidecars[i]!, text: "" }]));
    this.#encoder = encoder;
  }

  /**
   * @param first The overlay of the first frame. All frames have its size.
   * @param rate Frames per second of the written video.
   * @throws output; usage without ffmpeg.
   */
  static async open(folder: string, tmp: string, stem: string, first: RgbImage, rate: number): Promise<VideoWriter> {
    const named = (base: string): VideoFiles => ({
      ...{ video: `${base}.mp4`, frames: `${base}.frames.jsonl`, maps: `${base}.maps.jsonl` },
    });
    const temporary = named(join(tmp, stem.replaceAll("/", "-")));
    try {
      await mkdir(join(folder, dirname(stem)), { recursive: true });
      const sidecars = [await open(temporary.frames, "w"), await open(temporary.maps, "w")];
      const encoder = startProgram("ffmpeg", encodeArguments(temporary.video, first, rate));
      encoder.child.stdout.resume();
      return new VideoWriter(folder, named(stem), temporary, sidecars, encoder);
    } catch (cause) {
      throw videoError(stem, folder, cause);
    }
  }

  /** Adds a frame. Waits while the encoder's input buffer is full. */
  async add(overlay: RgbImage, frameLine: string, mapLine: string): Promise<void> {
    const { stdin } = this.#encoder.child;
    if (!stdin.write(overlay.data) && stdin.writable) {
      await Promise.race([once(stdin, "drain"), this.#encoder.ended]).catch(() => undefined); // `finish` reports the error
    }
    await this.#line("frames", frameLine);
    await this.#line("maps", mapLine);
  }

  /** Completes the files and moves them to their final paths. @throws output. */
  async finish(): Promise<VideoFiles> {
    try {
      this.#encoder.child.stdin.end();
      const { code, words } = await this.#encoder.ended;
      if (code !== 0) throw encoderFailed(this.#files.video, words);
      for (const entry of this.#sidecars.values()) {
        await flush(entry);
        await entry.file.sync();
        await entry.file.close();
      }
      await syncFile(this.#temporary.video);
      for (const name of ["video", "frames", "maps"] as const) {
        await renameFile(this.#temporary[name], join(this.#folder, this.#files[name]));
      }
      return this.#files;
    } catch (cause) {
      throw videoError(this.#files.video, this.#folder, cause);
    }
  }

  /** Stops the encoder and removes the temporary files. */
  async discard(): Promise<void> {
    this.#encoder.child.kill("SIGKILL");
    await this.#encoder.ended.catch(() => undefined); // it was killed
    for (const { file } of this.#sidecars.values()) await file.close().catch(() => undefined); // may be closed already
    await Promise.allSettled(Object.values(this.#temporary).map((path) => rm(path, { force: true })));
  }

  async #line(name: "frames" | "maps", line: string): Promise<void> {
    const entry = this.#sidecars.get(name)!;
    entry.text += `${line}\n`;
    if (entry.text.length < FLUSH_CHARACTERS) return;
    await flush(entry).catch((cause: unknown) => Promise.reject(videoError(this.#files[name], this.#folder, cause)));
  }
}

async function flush(entry: { readonly file: FileHandle; text: string }): Promise<void> {
  const { text } = entry;
  entry.text = "";
  await entry.file.appendFile(text);
}

/** The arguments for H.264 in MP4. The same frames give the same bytes: one thread, no date, no version. Odd sides are padded with a black line. */
function encodeArguments(path: string, { height, width }: RgbImage, rate: number): string[] {
  return [
    ...["-nostdin", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`],
    ...["-r", String(rate), "-i", "pipe:0", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-an"],
    ...["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p", "-threads", "1"],
    ...["-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1", "-movflags", "+faststart"],
    ...["-f", "mp4", `file:${path}`],
  ];
}

/** How ffmpeg prints the system's errors of writing. */
const systemWords: readonly (readonly [words: string, code: string])[] = [
  ["no space left on device", "ENOSPC"],
  ["disk quota exceeded", "EDQUOT"],
  ["permission denied", "EACCES"],
  ["read-only file system", "EROFS"],
  ["no such file or directory", "ENOENT"],
  ["input/output error", "EIO"],
  ["file too large", "EFBIG"],
];

function encoderFailed(name: string, words: string): Error {
  const code = systemWords.find(([text]) => words.toLowerCase().includes(text))?.[1];
  if (code !== undefined) return Object.assign(new Error(lastWords(words)), { code });
  const message = `Cannot write ${name}: ffmpeg reports: ${lastWords(words)}. Check that this ffmpeg supports libx264.`;
  return new WhyboxError("output", message);
}

function videoError(what: string, folder: string, cause: unknown): WhyboxError {
  return writeError(`Cannot write ${what} in ${folder}`, cause, { details: { folder } });
}
