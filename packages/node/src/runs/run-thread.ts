import { parentPort, threadId } from "node:worker_threads";
import { WhyboxError } from "@whybox/core";
import * as ort from "onnxruntime-node";
import { workerData } from "piscina";
import sharp from "sharp";
import { loadServices } from "../images/load-services.js";
import { type Gate, gatedPort } from "../runtime/gate.js";
import { openModelFile } from "../runtime/open-model-file.js";
import { createOrtPort } from "../runtime/ort-port.js";
import { explainTask } from "./explain-task.js";
import { measureTask } from "./sample/measure-task.js";
import type { MeasureOutcome, MeasureTask, Outcome, Task, WorkerReport, WorkerSetup } from "./task.js";
import type { TaskContext } from "./task-context.js";

export interface ThreadData {
  readonly setup: WorkerSetup;
  readonly gate: Gate;
}

/** A thread's first message: its id, after loading the model has succeeded or failed. */
export interface Loaded {
  readonly loaded: number;
}

/** The context of a worker thread: a detector, which processes images in any order. */
interface ThreadContext extends TaskContext {
  readonly report: WorkerReport;
}

async function load({ setup, gate }: ThreadData): Promise<ThreadContext> {
  // Each worker decodes one image at a time, so sharp needs no threads of its own.
  sharp.concurrency(1);
  sharp.cache(false);
  ort.env.logLevel = "fatal";
  const { model: path, weights: source, licence, notice, names, threads, settings } = setup;
  const { anchors, input, device } = settings;
  const { detector, report: model } = await openModelFile(
    { path, source, licence, notice, names, anchors, input, device, threads },
    gatedPort(createOrtPort(ort as never), gate),
    ort.listSupportedBackends().map(({ name }) => name),
  );
  return {
    detector,
    setup,
    settings,
    services: await loadServices(),
    alone: oneByOne(),
    report: {
      model,
      versions: { onnxruntime: ort.env.versions.node ?? "unknown", sharp: sharp.versions.sharp },
    },
  };
}

/** Runs explanations one by one. Sessions block the thread, so two at once would only use more memory. */
function oneByOne(): TaskContext["alone"] {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

const loading = load(workerData as ThreadData);
const notify = () => parentPort?.postMessage({ loaded: threadId } satisfies Loaded);
loading.then(notify, notify); // the first call reports an error

/** The answer of a thread. Errors are plain data, because their class is lost between threads. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: string; readonly message: string };

export async function report(): Promise<Answer<WorkerReport>> {
  return answered(async () => (await loading).report);
}

export async function explain(task: Task): Promise<Answer<readonly Outcome[]>> {
  return answered(async () => explainTask(task, await loading));
}

export async function measure(task: MeasureTask): Promise<Answer<MeasureOutcome>> {
  return answered(async () => measureTask(task, await loading));
}

async function answered<T>(work: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    const code = error instanceof WhyboxError ? error.code : "internal";
    return { ok: false, code, message: error instanceof Error ? error.message : String(error) };
  }
}
