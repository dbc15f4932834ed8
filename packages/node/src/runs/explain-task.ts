import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ExplainResult, MapFiles, ResultFiles, RgbImage } from "@whybox/core";
import { createFileNamer, stemOf } from "../images/output-names.js";
import { planOutputs } from "../images/plan-outputs.js";
import { releaseMemory } from "../runtime/ort-port.js";
import { explainFrames } from "./explain-frames.js";
import { measure } from "./measure.js";
import { refusePrivate } from "./refuse-private.js";
import { type MapLine, type RunPictureLine, runFiles, runFilesVersion } from "./schema.js";
import type { Outcome, Task } from "./task.js";
import { createClock, explain, failure, perDetection, type TaskContext } from "./task-context.js";

/** Items whose files share a folder. */
const FOLDER_ITEMS = 1000;

/** Does one task; whatever goes wrong is an outcome. */
export async function explainTask(task: Task, context: TaskContext): Promise<readonly Outcome[]> {
  if (task.kind === "frames") return explainFrames(task, context);
  const told = (words: string) => words.replaceAll(task.location, task.source);
  return [await explainPicture(task, context).catch((error: unknown) => failure(error, context, told))];
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
  // Nobody sees them any more, and V8 would mark its whole heap for every 64 MB of them.
  for (const { heatmap } of result.maps) releaseMemory(heatmap.data.buffer as ArrayBuffer);
  const line: RunPictureLine = {
    ...{ v: runFilesVersion, item, source, kind: "picture", ...found },
    files: { png: written.files.png, npy: written.files.npy },
  };
  const files = written.paths.map((path) => join(folder, path));
  const mapLine: MapLine = { v: runFilesVersion, item, maps };
  const lines = { result: JSON.stringify(line), maps: JSON.stringify(mapLine) };
  return { ok: true, ...lines, ms: clock.ms, detections: result.detections.length, files, overlay: undefined };
}

interface Written {
  readonly files: ResultFiles;
  readonly mapFiles: readonly MapFiles[];
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
