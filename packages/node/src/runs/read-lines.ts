import { createReadStream } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { WhyboxError } from "@whybox/core";
import type { z } from "zod";
import { isThere } from "../io/exists.js";
import { damagedRun, readJsonLine, readLine } from "./damage.js";
import { runFilesVersion } from "./schema.js";
import { textLines } from "./text-lines.js";

/**
 * Reads the lines of a file in a run's folder.
 * @param run `finished` is false if the run is still running or was interrupted. Then an incomplete last line is ignored.
 * @throws bad-input if a line is damaged, or has another version.
 */
export async function* readLines<T extends z.ZodType>(
  { folder, finished }: { readonly folder: string; readonly finished: boolean },
  name: string,
  schema: T,
): AsyncGenerator<z.output<T>> {
  const path = join(folder, name);
  if (isOutside(relative(folder, path))) throw damagedRun(path, "the file is not in the run's folder", folder);
  if (!(await isThere(path))) {
    if (!finished) return;
    throw damagedRun(path, "the file is missing", folder);
  }
  const lines = textLines(createReadStream(path));
  for (let number = 1; ; number++) {
    const { value, done } = await lines.next();
    if (done) return;
    const read = readLine(value, schema);
    if ("value" in read) {
      yield read.value;
      continue;
    }
    const json = readJsonLine(value);
    if ("wrong" in json && !finished && (await lines.next()).done === true) return;
    const where = `${path}, line ${number}`;
    refuseVersion(where, json);
    throw damagedRun(where, read.wrong, folder);
  }
}

export function isOutside(path: string): boolean {
  return path === ".." || path.startsWith(`..${sep}`) || isAbsolute(path);
}

function refuseVersion(where: string, json: ReturnType<typeof readJsonLine>): void {
  const version = "value" in json ? (json.value as { readonly v?: unknown } | null)?.v : undefined;
  if (typeof version !== "number" || version === runFilesVersion) return;
  const message = `${where} has version ${version} of the run files. This Whybox reads version ${runFilesVersion}. Use the Whybox that wrote it, or run again.`;
  throw new WhyboxError("bad-input", message, { details: { where, version, expected: runFilesVersion } });
}
