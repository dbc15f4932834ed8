import { join, relative } from "node:path";
import { WhyboxError } from "@whybox/core";
import { exists } from "../io/exists.js";
import { isOutside, readLines } from "./read-lines.js";
import { frameLineSchema, mapLineSchema, type ResultLine } from "./schema.js";

/** The paths of a line's files, relative to the run's folder. */
export function filesOf(line: ResultLine): string[] {
  if (line.kind === "failure") return [];
  const own = Object.values(line.files);
  const parts = line.kind === "video" ? [] : line.detections.flatMap(({ files }) => Object.values(files ?? {}));
  return [...own, ...parts].filter((path) => path !== null);
}

/** Says which file of a line is missing, or which sidecar of a video is not whole; undefined if none. */
export async function brokenFile(folder: string, line: ResultLine): Promise<string | undefined> {
  for (const path of filesOf(line)) {
    const isThere = !isOutside(relative(folder, join(folder, path))) && (await exists(join(folder, path)));
    if (!isThere) return `${path} is missing`;
  }
  if (line.kind !== "video") return undefined;
  for (const name of ["frames", "maps"] as const) {
    const path = line.files[name];
    const lines = await countLines(folder, path, name === "frames" ? frameLineSchema : mapLineSchema);
    if (lines !== line.frames) return `${path} has ${lines ?? "damaged"} lines, expected ${line.frames}`;
  }
  return undefined;
}

async function countLines(
  folder: string,
  path: string,
  schema: typeof frameLineSchema | typeof mapLineSchema,
): Promise<number | undefined> {
  let lines = 0;
  try {
    for await (const _ of readLines({ folder, finished: true }, path, schema)) lines++;
    return lines;
  } catch (error) {
    if (error instanceof WhyboxError) return undefined;
    throw error;
  }
}
