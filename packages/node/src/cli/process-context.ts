import { fstatSync, writeFileSync } from "node:fs";
import { defaultMethods, WhyboxError } from "@whybox/core";
import { loadServices } from "../images/load-services.js";
import { explainDiskFailure } from "../io/disk-failure.js";
import { packageVersion } from "../version.js";
import type { CliContext, TextOutput } from "./context.js";
import { type ExitCode, exitCodes, worstExitCode } from "./exit-codes.js";
import { reportFailure } from "./failure.js";

/**
 * Runs `body` with this process as its world: streams, folder, environment, Ctrl-C. Gives its exit code, or that of lost
 * results when stdout did not take all of them, if that is worse. Lost messages (stderr) change no exit code.
 */
export async function withProcessContext(body: (context: CliContext) => Promise<ExitCode>): Promise<ExitCode> {
  const controller = new AbortController();
  // Once: a second Ctrl-C ends the process the usual way, should something hang.
  const stop = () => controller.abort(new Error("interrupted"));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    const stdout = guarded(process.stdout);
    const context = processContext(stdout, controller.signal);
    const code = await body(context);
    const refusal = await stdout.refusal();
    if (refusal === undefined) return code;
    const why = explainDiskFailure(refusal, "send the output elsewhere");
    reportFailure(new WhyboxError("output", `Cannot write to stdout: ${why}`, { cause: refusal }), context);
    return worstExitCode([code, exitCodes.output]);
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

function processContext(stdout: TextOutput, signal: AbortSignal): CliContext {
  const stderrIsTerminal = process.stderr.isTTY === true && process.env.TERM !== "dumb";
  return {
    stdout,
    stderr: guarded(process.stderr),
    // Asked for only when it is read: to touch it may start reading.
    get stdin() {
      return process.stdin;
    },
    barStream: stderrIsTerminal ? process.stderr : undefined,
    cwd: process.cwd(),
    env: process.env,
    signal,
    version: packageVersion(),
    methods: defaultMethods,
    loadServices,
  };
}

interface GuardedOutput extends TextOutput {
  /** Why the stream did not take all of it, once everything is written; undefined when it did, or its reader went away. */
  refusal(): Promise<Error | undefined>;
}

/**
 * A stream that may stop taking text: the rest is dropped, and the work goes on to its files. That its reader goes away
 * (`whybox … | head`) is no refusal; that the disk is full is.
 */
function guarded(stream: NodeJS.WriteStream & { readonly fd: number }): GuardedOutput {
  let error: NodeJS.ErrnoException | undefined;
  const note = (found: NodeJS.ErrnoException | null | undefined): void => {
    error ??= found ?? undefined;
  };
  stream.on("error", note);
  const send = isFile(stream.fd) ? wholeTo(stream.fd, note) : (text: string) => void stream.write(text, note);
  return {
    isTTY: stream.isTTY,
    write: (text) => {
      if (error === undefined) send(text);
    },
    refusal: async () => {
      // The callback of an empty text comes behind those of all before it.
      await new Promise<void>((resolve) => stream.write("", () => resolve()));
      return error?.code === "EPIPE" ? undefined : error;
    },
  };
}

/** Node's own stream takes it for success when a file takes a part only: the last of a full disk, or of what is allowed. */
function wholeTo(fd: number, note: (error: Error) => void): (text: string) => void {
  return (text) => {
    try {
      writeFileSync(fd, text);
    } catch (error) {
      note(error as Error);
    }
  };
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    // A stream without a descriptor of its own (a program without a console, a worker).
    return false;
  }
}
