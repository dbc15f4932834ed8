import { createReadStream } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { jsonText } from "@whybox/core";
import type { MeasurementLine } from "@whybox/report";
import { systemErrorCode } from "../../io/system-error.js";
import { runFiles } from "../schema.js";
import { textLines } from "../text-lines.js";
import { type Chosen, measurementLineSchema } from "./schema.js";

/** The lines of measurements.jsonl. Each measurement takes seconds, so each line is flushed to the disk at once. */
export class MeasurementFile {
  readonly lines: MeasurementLine[];
  readonly #file: FileHandle;

  private constructor(file: FileHandle, lines: MeasurementLine[]) {
    this.#file = file;
    this.lines = lines;
  }

  /** Opens or creates the file, and removes what a crash left: an incomplete line, or lines of another sample. */
  static async open(folder: string, detections: readonly Chosen[]): Promise<MeasurementFile> {
    const path = join(folder, runFiles.measurements);
    const { lines, bytes } = await readMeasurements(path, detections);
    const file = await open(path, "a");
    await file.truncate(bytes);
    return new MeasurementFile(file, lines);
  }

  async append(lines: readonly MeasurementLine[]): Promise<void> {
    if (lines.length === 0) return;
    await this.#file.appendFile(lines.map((line) => `${jsonText(line)}\n`).join(""));
    await this.#file.sync();
    this.lines.push(...lines);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Reads the lines from the start that belong to the sample, and their size. */
async function readMeasurements(path: string, detections: readonly Chosen[]) {
  const lines: MeasurementLine[] = [];
  let [bytes, last] = [0, 0];
  try {
    for await (const text of textLines(createReadStream(path))) {
      const line = measurementLineSchema.safeParse(parsed(text)).data;
      const wanted = detections[lines.length];
      if (line === undefined || line.item !== wanted?.item || line.detection !== wanted.detection) break;
      lines.push(line);
      last = Buffer.byteLength(text) + 1;
      bytes += last;
    }
    // The last line is complete only with its line break.
    if (bytes > (await stat(path)).size) {
      lines.pop();
      bytes -= last;
    }
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
  }
  return { lines, bytes };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // incomplete
  }
}
