import { readFileSync } from "node:fs";
import type { Services } from "../batch/services.js";
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

async function loadServices(): Promise<Services> {
  const [core, loading, decoding, encoding, writing] = await Promise.all([
    import("@whybox/core"),
    import("../load-detector.js"),
    import("../io/decode-image.js"),
    import("../io/encode-png.js"),
    import("../io/write-file.js"),
  ]);
  return {
    loadDetector: loading.loadDetector,
    decodeImage: decoding.decodeImage,
    renderOverlay: core.renderOverlay,
    encodePng: encoding.encodePng,
    encodeNpy: core.encodeNpy,
    writeFile: writing.writeFileSafely,
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

/** The same relative path from src/cli and from dist/cli. */
function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return String((JSON.parse(text) as { version: unknown }).version);
}
