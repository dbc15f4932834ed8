import { fstatSync, writeFileSync } from "node:fs";
import { defaultMethods, WhyboxError } from "@whybox/core";
import { loadServices } from "../images/load-services.js";
import { explainDiskFailure } from "../io/disk-failure.js";
import { packageVersion } from "../version.js";
import type { CliContext, TextOutput } from "./context.js";
import { type ExitCode, exitCodes, worstExitCode } from "./exit-codes.js";
import { reportFailure } from "./failure.js";

/**
 * Runs `body` with the streams, folder, environment and Ctrl-C of this process. Returns its exit code. If results are lost because
 * writing to stdout fails, it returns the code for lost output instead, if that is worse. Lost messages (stderr) do not change the exit code.
 */
export async function withProcessContext(body: (context: CliContext) => Promise<ExitCode>): Promise<ExitCode> {
  const controller = new AbortController();
  // Only once: a second Ctrl-C ends the process in the usual way, in case something hangs.
  const stop = () => controller.abort(new Error("interrupted"));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    const stdout = guarded(process.stdout);
    const context = processContext(stdout, controller.signal);
    const code = await body(context);
    const failure = await stdout.failure();
    if (failure === undefined) return code;
    const why = explainDiskFailure(failure, "send the output elsewhere");
    reportFailure(new WhyboxError("output", `Cannot write to stdout: ${why}`, { cause: failure }), context);
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
    // Read lazily: accessing process.stdin may already start reading.
    get stdin() {
      return process.stdin;
    },
    barStream: stderrIsTerminal ? process.stderr : undefined,
    cwd: process.cwd(),
    env: process.env,
    signal,
    version: packageVersion(),
    platform: process.platform,
    open: async (target) => (await import("../ui/open-browser.js")).openBrowser(target),
    methods: defaultMethods,
    loadServices,
  };
}

interface GuardedOutput extends TextOutput {
  /** Waits until everything is written. Returns the write error; undefined if there is none, or if the reader has gone away. */
  failure(): Promise<Error | undefined>;
}

/**
 * A stream that may fail. After a failure the remaining text is dropped, and the command still writes its files. A full disk is a
 * failure. A reader that goes away (`whybox … | head`) is not.
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
    failure: async () => {
      // The callback of this empty text comes after those of all earlier texts.
      await new Promise<void>((resolve) => stream.write("", () => resolve()));
      return error?.code === "EPIPE" ? undefined : error;
    },
  };
}

/** Writes the whole text to a file. Node's own stream reports success for a partial write: on a full disk, or at a size limit. */
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
    // The stream has no descriptor: a program without a console, or a worker.
    return false;
  }
}
