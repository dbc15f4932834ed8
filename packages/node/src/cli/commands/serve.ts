import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type Filled, WhyboxError } from "@whybox/core";
import type { Command } from "commander";
import type { RunningServer } from "../../serve/start-server.js";
import { stopIfAborted } from "../../stop-if-aborted.js";
import type { CliContext } from "../context.js";
import { declareFlags, readFlags } from "../flags.js";
import { inputFlags, inputOf } from "../input-flags.js";
import { flagOf } from "../option-values.js";
import { createProgress } from "../progress.js";
import { type ServeFlags, serveFlags } from "../serve-options.js";

type ServeValues = Filled<ServeFlags, typeof serveFlags>;

const examples = `
Examples:
  whybox serve
  whybox serve best.onnx --workers 2
  whybox serve helmets=best.onnx dogs=yolov5s
  WHYBOX_TOKEN=$(openssl rand -hex 32) whybox serve best.onnx --host 0.0.0.0
  curl -F image=@dog.jpg http://127.0.0.1:8080/v1/explain
  curl -F image=@dog.jpg -H "accept: image/png" http://127.0.0.1:8080/v1/explain > heatmap.png`;

export function addServe(program: Command, context: CliContext): void {
  const command = program
    .command("serve [model...]")
    .summary("answer requests over HTTP with detections and heatmaps")
    .description(
      "Serves one or more models over HTTP (docs/serve.md): POST /v1/explain, KServe's V1 protocol, health, metrics, and a page that\n" +
        "describes the API (/docs). A model is a file, a URL or the name of known weights, or name=model. Default: yolov5s. The server\n" +
        "listens on this machine only, unless --host is given. SIGTERM or Ctrl-C stops it after the requests in progress.",
    );
  declareFlags(command, serveFlags, [])
    .addHelpText("after", examples)
    .action(async (models: string[]) => {
      const { values } = readFlags<ServeFlags, typeof serveFlags>(command, serveFlags, []);
      await serve(models.length === 0 ? ["yolov5s"] : models, values, context);
    });
}

async function serve(models: readonly string[], values: ServeValues, context: CliContext): Promise<void> {
  const server = await start(models, values, context);
  const { signal } = context;
  try {
    context.stdout.write(`${server.address}\n`);
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  } finally {
    await server.stop(1_000 * values.drainTimeout);
  }
}

/** Loads the modules of the server, which no other command needs, and starts it. */
async function start(given: readonly string[], values: ServeValues, context: CliContext): Promise<RunningServer> {
  const { cwd, env, signal } = context;
  refuseSharedOptions(given, values);
  const token = await readToken(values, context);
  const { servedModels } = await import("../../serve/served-models.js");
  const { startServer } = await import("../../serve/start-server.js");
  const { defaultWorkers } = await import("../../runtime/workers.js");
  const { readNames } = await import("../../models/read-names.js");
  const { anchors, device, threads = 1, host, port, urls, withoutToken } = values;
  const names = values.names === undefined ? undefined : await readNames(resolve(cwd, values.names));
  const progress = createProgress(context, { quiet: false });
  const models = await servedModels(
    given,
    { names, anchors, input: inputOf(values), device, threads },
    { cwd, env, signal, onProgress: (state) => progress.download(state) },
  ).finally(() => progress.clear());
  stopIfAborted(signal);
  return startServer({
    ...{ version: context.version, models, host, port, urls, token, withoutToken },
    workers: values.workers ?? defaultWorkers(device, threads),
    limits: {
      queue: values.queue,
      timeoutMs: Math.ceil(1_000 * values.timeout),
      maxBytes: Math.ceil(values.maxBody * 2 ** 20),
      maxPixels: 1e6 * values.maxPixels,
      maxImageSize: values.maxImageSize,
      maxDetections: values.maxDetections,
    },
    log: { level: values.logLevel, stream: { write: (line) => void context.stderr.write(line) } },
  });
}

/** Class names, anchors and the input belong to one model. */
function refuseSharedOptions(given: readonly string[], values: ServeValues): void {
  if (given.length <= 1) return;
  const one: readonly (keyof ServeFlags)[] = ["names", "anchors", ...typedKeys(inputFlags)];
  const typed = one.filter((option) => values[option] !== undefined);
  if (typed.length === 0) return;
  throw new WhyboxError(
    "usage",
    `${typed.map(flagOf).join(", ")}: these options describe one model, but ${given.length} are served. Start a server for each.`,
  );
}

function typedKeys<T extends object>(table: T): (keyof T)[] {
  return Object.keys(table) as (keyof T)[];
}

/** The token from the file, or from the environment. It is no option of its own: other users of the machine can read command lines. */
async function readToken({ tokenFile }: ServeValues, { cwd, env }: CliContext): Promise<string | undefined> {
  const { checkToken } = await import("../../serve/access.js");
  const { WHYBOX_TOKEN: fromEnv } = env;
  if (tokenFile === undefined) return fromEnv === undefined ? undefined : checkToken(fromEnv, "WHYBOX_TOKEN");
  try {
    return checkToken((await readFile(resolve(cwd, tokenFile), "utf8")).trim(), tokenFile);
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    throw new WhyboxError("usage", `Cannot read the token: ${(cause as Error).message}`, { cause });
  }
}
