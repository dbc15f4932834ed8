import { loadServices } from "../batch/default-services.js";
import { packageVersion } from "../version.js";
import type { CliContext, TextOutput } from "./context.js";
import { coreChoices } from "./core-choices.js";

/** Runs `body` with this process as its world: streams, folder, environment, Ctrl-C. */
export async function withProcessContext<T>(body: (context: CliContext) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  // Once: a second Ctrl-C ends the process the usual way, should something hang.
  const stop = () => controller.abort(new Error("interrupted"));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    return await body(processContext(controller.signal));
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

function processContext(signal: AbortSignal): CliContext {
  const stderrIsTerminal = process.stderr.isTTY === true && process.env.TERM !== "dumb";
  return {
    stdout: untilClosed(process.stdout),
    stderr: untilClosed(process.stderr),
    barStream: stderrIsTerminal ? process.stderr : undefined,
    cwd: process.cwd(),
    env: process.env,
    signal,
    version: packageVersion(),
    choices: coreChoices(),
    loadServices,
  };
}

/** A stream whose reader may go away (`whybox … | head`): the rest is dropped, and the work goes on to its files. */
function untilClosed(stream: NodeJS.WriteStream): TextOutput {
  let closed = false;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    closed = true;
  });
  return {
    isTTY: stream.isTTY,
    write: (text) => {
      if (!closed) stream.write(text);
    },
  };
}
