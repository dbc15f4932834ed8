import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { WhyboxError } from "@whybox/core";
import { systemErrorCode } from "../../io/system-error.js";

/** Of what a program complains of the end is kept. */
const MAX_WORDS = 2_000;

/** A program of ffmpeg's that runs. */
export interface RunningProgram {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Its exit code, null when it was ended, and what it complained of. Never throws but when there is no such program. */
  readonly ended: Promise<{ readonly code: number | null; readonly words: string }>;
}

/**
 * Starts `ffmpeg` or `ffprobe`: those of WHYBOX_FFMPEG (a folder), else of the PATH.
 * @throws (by `ended`) usage when it is not there.
 */
export function startProgram(name: "ffmpeg" | "ffprobe", argv: readonly string[]): RunningProgram {
  const folder = process.env.WHYBOX_FFMPEG;
  const program = folder === undefined || folder === "" ? name : `${folder}/${name}`;
  // A group of its own: Ctrl-C is this process's to understand.
  const child = spawn(program, argv, { stdio: "pipe", detached: process.platform !== "win32" });
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-MAX_WORDS);
  });
  child.stdin.on("error", () => undefined); // the exit code tells
  const ended = new Promise<{ code: number | null; words: string }>((resolve, reject) => {
    child.on("error", (cause) => reject(systemErrorCode(cause) === "ENOENT" ? missing(program, cause) : cause));
    child.on("close", (code) => resolve({ code, words: words.trim() }));
  });
  ended.catch(() => undefined); // awaited later
  return { child, ended };
}

/** Whether videos can be read here. */
export async function hasFfmpeg(): Promise<boolean> {
  const programs = (["ffmpeg", "ffprobe"] as const).map((name) => startProgram(name, ["-version"]));
  for (const { child } of programs) child.stdout.resume();
  const codes = await Promise.allSettled(programs.map(({ ended }) => ended));
  return codes.every((one) => one.status === "fulfilled" && one.value.code === 0);
}

export function missing(program = "ffmpeg", cause?: unknown): WhyboxError {
  return new WhyboxError(
    "usage",
    `Videos and streams are read by ffmpeg, and "${program}" is not there. Install it (apt-get install ffmpeg, brew install ffmpeg), or say with WHYBOX_FFMPEG in which folder ffmpeg and ffprobe are.`,
    { cause },
  );
}

/** The last line of a complaint, without the addresses of ffmpeg's own objects. */
export function lastWords(words: string): string {
  const line = words
    .split("\n")
    .map((one) => one.replace(/^\[[^\]]* @ 0x[0-9a-f]+\] /, "").trim())
    .findLast((one) => one !== "");
  return line ?? "no reason given";
}
