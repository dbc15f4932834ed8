import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { type CoreDetector, type ExplainResult, type RgbImage, WhyboxError } from "@whybox/core";
import { concernsAll } from "../batch/explain-batch.js";
import { createFileNamer, stemOf } from "../batch/names.js";
import { drawWhole, type PartFiles, planOutputs, type ResultFiles } from "../batch/outputs.js";
import type { Services } from "../batch/services.js";
import { measure } from "./measure.js";
import { refusePrivate } from "./refuse-private.js";
import { type FrameLine, type MapLine, type RunPictureLine, runFiles, runFilesVersion } from "./schema.js";
import type { Outcome, Task, WorkerSetup } from "./task.js";

export interface TaskContext {
  readonly detector: CoreDetector;
  readonly services: Services;
  readonly setup: WorkerSetup;
  /** Runs one explanation after the other, while others decode and write. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

/** Items whose files share a folder. */
const FOLDER_ITEMS = 1000;

/** Does one task; whatever goes wrong is an outcome. */
export async function explainTask(task: Task, context: TaskContext): Promise<Outcome> {
  try {
    return task.kind === "picture" ? await explainPicture(task, context) : await explainFrame(task, context);
  } catch (error) {
    return failure(error, task, context);
  }
}

async function explainPicture(task: Extract<Task, { kind: "picture" }>, context: TaskContext): Promise<Outcome> {
  const { item, source, location, folder } = task;
  const clock = createClock();
  await refusePrivate(location, context.setup.allowPrivate);
  const image = await clock.of("decode", context.services.decodeImage(location, {}));
  const result = await explain(image, context, clock);
  const written = await clock.of("write", writeOutputs(image, result, task, context));
  const { found, maps } = await clock.of("measure", async () =>
    measure(result, perDetection(context), written.mapFiles),
  );
  const line: RunPictureLine = {
    ...{ v: runFilesVersion, item, source, kind: "picture", ...found },
    files: { png: written.files.png, npy: written.files.npy },
  };
  const files = written.paths.map((path) => join(folder, path));
  return { ok: true, result: JSON.stringify(line), ...rest(item, maps, result, clock), files, overlay: undefined };
}

async function explainFrame(task: Extract<Task, { kind: "frame" }>, context: TaskContext): Promise<Outcome> {
  const { item, frame, time, image } = task;
  const clock = createClock();
  const result = await explain(image, context, clock);
  const { found, maps } = await clock.of("measure", async () => measure(result, perDetection(context)));
  const line: FrameLine = { v: runFilesVersion, item, frame, time, ...found };
  const { services, setup } = context;
  const draw = async () => drawWhole({ image, result, services, settings: setup.settings });
  const overlay = await clock.of("write", draw);
  return { ok: true, result: JSON.stringify(line), ...rest(item, maps, result, clock, frame), files: [], overlay };
}

function perDetection({ setup }: TaskContext): boolean {
  return setup.settings.explain.per === "detection";
}

function rest(item: number, maps: MapLine["maps"], result: ExplainResult, { ms }: Clock, frame?: number) {
  const line: MapLine = { v: runFilesVersion, item, ...(frame === undefined ? {} : { frame }), maps };
  return { maps: JSON.stringify(line), ms, detections: result.detections.length };
}

async function explain(image: RgbImage, { alone, detector, setup }: TaskContext, clock: Clock): Promise<ExplainResult> {
  return alone(() => clock.of("explain", detector.explain(image, setup.settings.explain)));
}

interface Written {
  readonly files: ResultFiles;
  readonly mapFiles: readonly PartFiles[];
  readonly paths: readonly string[];
}

/** All files of the picture, or none. Each is whole, synced and in its place before the item's line tells of it. */
async function writeOutputs(
  image: RgbImage,
  result: ExplainResult,
  { item, source, location, folder }: Extract<Task, { kind: "picture" }>,
  { services, setup: { settings } }: TaskContext,
): Promise<Written> {
  const name = stemOf({ input: source, location, kind: /^https?:/i.test(location) ? "url" : "file" });
  // The item's number makes it the only one, so nothing else can have taken it.
  const stem = `${fileFolder(item)}/${item}-${name}`;
  const namer = createFileNamer([]);
  const planned = planOutputs({ image, result, stem, namer, services, settings });
  const { files, mapFiles } = planned;
  // Nobody looks at the contact sheets of thousands of pictures, and one takes longer than its explanation.
  const outputs = planned.outputs.filter((output) => output.name !== files.sheet);
  const paths: string[] = [];
  if (outputs.length > 0) await mkdir(join(folder, fileFolder(item)), { recursive: true });
  try {
    for (const output of outputs) {
      paths.push(output.name);
      await services.writeFile(join(folder, output.name), await output.bytes(), join(folder, runFiles.temporary));
    }
  } catch (error) {
    // The first failure is the one to tell.
    await Promise.allSettled(paths.map((path) => rm(join(folder, path), { force: true })));
    throw error;
  }
  return { files, mapFiles, paths };
}

/** Folder of an item's files, from the run's folder. */
export function fileFolder(item: number): string {
  return `${runFiles.files}/${String(Math.floor(item / FOLDER_ITEMS)).padStart(4, "0")}`;
}

function failure(error: unknown, task: Task, { setup }: TaskContext): Outcome {
  const known = error instanceof WhyboxError ? error : undefined;
  const words = error instanceof Error ? error.message : String(error);
  // The line must not depend on where the sources lie on this machine.
  const message = task.kind === "picture" ? words.replaceAll(task.location, task.source) : words;
  const { found, reason, concerns } = known?.details ?? {};
  return {
    ok: false,
    code: known?.code ?? "internal",
    message: message.replaceAll(dirname(setup.model), "…"),
    reason: [found, reason].find((one) => typeof one === "string"),
    endsTheRun: known !== undefined && concernsAll.has(known.code) && concerns !== "file",
  };
}

interface Clock {
  readonly ms: { decode: number; explain: number; measure: number; write: number };
  of<T>(stage: keyof Clock["ms"], work: Promise<T> | (() => Promise<T>)): Promise<T>;
}

function createClock(): Clock {
  const ms = { decode: 0, explain: 0, measure: 0, write: 0 };
  return {
    ms,
    of: async (stage, work) => {
      const started = performance.now();
      const value = await (typeof work === "function" ? work() : work);
      ms[stage] += Math.round((performance.now() - started) * 1e3) / 1e3;
      return value;
    },
  };
}
