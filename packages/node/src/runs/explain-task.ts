import { createHash } from "node:crypto";
import { join } from "node:path";
import { jsonText, printable } from "@whybox/core";
import { explainImage } from "../images/explain-image.js";
import { createFileNamer, stemOf } from "../images/output-names.js";
import { createStageClock } from "../images/stage-clock.js";
import { releaseMemory } from "../runtime/memory.js";
import { explainFrames } from "./explain-frames.js";
import { measure } from "./measure.js";
import { withPrivateHint } from "./refuse-private.js";
import { type MapLine, type RunImageLine, runFiles, runFilesVersion } from "./schema.js";
import type { Outcome, Task } from "./task.js";
import { failure, perDetection, type TaskContext } from "./task-context.js";

/** Number of items per folder. */
const FOLDER_ITEMS = 1000;

/** Processes one task. Errors become outcomes. */
export async function explainTask(task: Task, context: TaskContext): Promise<readonly Outcome[]> {
  if (task.kind === "frames") return explainFrames(task, context);
  const withoutPath = (message: string) => message.replaceAll(printable(task.location), printable(task.source));
  return [
    await explainOne(task, context).catch((error: unknown) => failure(withPrivateHint(error), context, withoutPath)),
  ];
}

async function explainOne(task: Extract<Task, { kind: "image" }>, context: TaskContext): Promise<Outcome> {
  const { item, source, location, folder } = task;
  const notes: string[] = [];
  let sha256: string | undefined;
  const onFile = (bytes: Uint8Array) => {
    sha256 = createHash("sha256").update(bytes).digest("hex");
  };
  const onNote = (text: string) => void notes.push(text.replaceAll(printable(location), printable(source)));
  const { result, files, mapFiles, paths, ms } = await explainImage(
    {
      ...{ location, folder, temporary: join(folder, runFiles.temporary) },
      // The item's number makes the name unique.
      stem: `${fileFolder(item)}/${item}-${stemOf(location)}`,
      namer: createFileNamer(),
      // Contact sheets are not useful for thousands of images, and drawing one takes longer than the explanation.
      sheet: false,
    },
    { ...context, onNote, onFile, allowPrivate: context.setup.allowPrivate },
  );
  const clock = createStageClock({ measure: 0 });
  const { found, maps } = await clock.of("measure", () =>
    measure(result, { perDetection: perDetection(context), mapFiles }),
  );
  // Release the maps: V8 would mark its whole heap for each 64 MB of them.
  for (const { heatmap } of result.maps) releaseMemory(heatmap.data.buffer as ArrayBuffer);
  const line: RunImageLine = {
    ...{ v: runFilesVersion, item, source, kind: "picture", ...(sha256 && { sha256 }), ...found },
    files: { png: files.png, npy: files.npy },
  };
  const mapLine: MapLine = { v: runFilesVersion, item, maps };
  const { decode, explain, write } = ms;
  return {
    ...{ ok: true, result: jsonText(line), maps: JSON.stringify(mapLine), detections: result.detections.length },
    ...{ ms: { decode, explain, ...clock.ms, write }, files: paths, notes, overlay: undefined },
  };
}

/** Folder of an item's files, relative to the run's folder. */
export function fileFolder(item: number): string {
  return `${runFiles.files}/${String(Math.floor(item / FOLDER_ITEMS)).padStart(4, "0")}`;
}
