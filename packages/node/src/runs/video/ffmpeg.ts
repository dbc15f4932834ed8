import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { WhyboxError } from "@whybox/core";
import { systemErrorCode } from "../../io/system-error.js";

/** Maximum length of the error output to keep, from its end. */
const MAX_WORDS = 2_000;

/** A running ffmpeg or ffprobe process. */
export interface RunningProgram {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Resolves to the exit code (null when the process was killed) and the error output. Rejects only when the program cannot be started. */
  readonly ended: Promise<{ readonly code: number | null; readonly words: string }>;
}

/**
 * Starts `ffmpeg` or `ffprobe` from the folder WHYBOX_FFMPEG, else from the PATH.
 * @throws (from `ended`) usage when the program is missing.
 */
export function startProgram(name: "ffmpeg" | "ffprobe", argv: readonly string[]): RunningProgram {
  const folder = process.env.WHYBOX_FFMPEG;
  const program = folder === undefined || folder === "" ? name : `${folder}/${name}`;
  // Its own process group, on Windows without this console, so that Ctrl-C reaches only this process.
  const child = spawn(program, argv, { stdio: "pipe", detached: true, windowsHide: true });
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-MAX_WORDS);
  });
  child.stdin.on("error", () => undefined); // the exit code reports it
  const ended = new Promise<{ code: number | null; words: string }>((resolve, reject) => {
    child.on("error", (cause) => reject(systemErrorCode(cause) === "ENOENT" ? missing(program, cause) : cause));
    child.on("close", (code) => resolve({ code, words: words.trim() }));
  });
  ended.catch(() => undefined); // awaited later
  return { child, ended };
}

export async function hasFfmpeg(): Promise<boolean> {
  const programs = (["ffmpeg", "ffprobe"] as const).map((name) => startProgram(name, ["-version"]));
  for (const { child } of programs) child.stdout.resume();
  const codes = await Promise.allSettled(programs.map(({ ended }) => ended));
  return codes.every((one) => one.status === "fulfilled" && one.value.code === 0);
}

export function missing(program = "ffmpeg", cause?: unknown): WhyboxError {
  return new WhyboxError(
    "usage",
    `Videos and streams need ffmpeg, but "${program}" was not found. Install it (apt-get install ffmpeg, brew install ffmpeg), or set WHYBOX_FFMPEG to the folder of ffmpeg and ffprobe.`,
    { cause },
  );
}

/** The last line of an error output, without the memory addresses that ffmpeg prints. */
export function lastWords(words: string): string {
  const line = words
    .split("\n")
    .map((one) => one.replace(/^\[[^\]]* @ 0x[0-9a-f]+\] /, "").trim())
    .findLast((one) => one !== "");
  return line ?? "no reason given";
}
