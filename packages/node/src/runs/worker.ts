import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parentPort, threadId } from "node:worker_threads";
import { createDetector, modelFormat, WhyboxError } from "@whybox/core";
import * as ort from "onnxruntime-node";
import { workerData } from "piscina";
import sharp from "sharp";
import { loadServices } from "../images/load-services.js";
import { type Gate, gatedPort } from "../runtime/gate.js";
import { createOrtPort } from "../runtime/ort-port.js";
import { explainTask } from "./explain-task.js";
import type { Outcome, Task, WorkerReport, WorkerSetup } from "./task.js";
import type { TaskContext } from "./task-context.js";

/** What a thread is started with. */
export interface ThreadData {
  readonly setup: WorkerSetup;
  readonly gate: Gate;
}

/** A thread's first word: its number, once the model is loaded, or could not be. */
export interface Loaded {
  readonly loaded: number;
}

/** One thread of a run: it holds a detector with its sessions, and does everything of a picture but the order. */
interface ThreadContext extends TaskContext {
  readonly report: WorkerReport;
}

async function load({ setup, gate }: ThreadData): Promise<ThreadContext> {
  // As many pictures are decoded at once as there are workers; each with threads of its own would only stand in the way.
  sharp.concurrency(1);
  sharp.cache(false);
  ort.env.logLevel = "fatal";
  const { device } = setup.settings;
  const known = ort.listSupportedBackends().map(({ name }) => name);
  if (device !== "cpu" && !known.includes(device)) {
    const message = `Device "${device}" is not in this build of ONNX Runtime for ${process.platform}; it has: ${known.join(", ")}.`;
    throw new WhyboxError("usage", message, { details: { device, known } });
  }
  const bytes = await readFile(setup.model);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const format = modelFormat(bytes);
  const detector = await createDetector(bytes, gatedPort(createOrtPort(ort as never), gate), {
    executionProviders: device === "cpu" ? ["cpu"] : [device, "cpu"],
    threads: setup.threads,
    ...(setup.settings.input === undefined ? {} : { input: setup.settings.input }),
    ...(setup.names === undefined ? {} : { names: setup.names }),
  });
  const { weights: source, licence, notice } = setup;
  return {
    detector,
    setup,
    settings: setup.settings,
    services: await loadServices(),
    alone: oneByOne(),
    report: {
      model: { source, format, bytes: bytes.length, sha256, licence, notice, ...detector.facts },
      versions: { onnxruntime: ort.env.versions.node ?? "unknown", sharp: sharp.versions.sharp },
    },
  };
}

/** Sessions block the thread, so two explanations at once would only hold the memory of two. */
function oneByOne(): TaskContext["alone"] {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

const loading = load(workerData as ThreadData);
const tell = () => parentPort?.postMessage({ loaded: threadId } satisfies Loaded);
loading.then(tell, tell); // an error is told by the first call

/** What a thread answers: an error crosses as data, since its class would not. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: string; readonly message: string };

export async function report(): Promise<Answer<WorkerReport>> {
  return answered(async () => (await loading).report);
}

export async function explain(task: Task): Promise<Answer<readonly Outcome[]>> {
  return answered(async () => explainTask(task, await loading));
}

async function answered<T>(work: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    const code = error instanceof WhyboxError ? error.code : "internal";
    return { ok: false, code, message: error instanceof Error ? error.message : String(error) };
  }
}
