import { join } from "node:path";
import { jsonText, WhyboxError } from "@whybox/core";
import {
  type MeasurementLine,
  type MeasurementSummary,
  measurementsVersion,
  type PlainMeasurement,
  summarizeMeasurements,
} from "@whybox/report";
import { folderError } from "../../io/disk-failure.js";
import { readJsonFile } from "../../io/json-file.js";
import { writeFileSafely } from "../../io/write-file.js";
import { stopIfAborted } from "../../stop-if-aborted.js";
import type { WorkHooks } from "../execute.js";
import { lockFolder } from "../lock.js";
import { MissingWatch } from "../missing.js";
import { ordered } from "../ordered.js";
import { type Manifest, runFiles } from "../schema.js";
import { locationOf } from "../sources/list-items.js";
import { digestOf, readResults } from "../success.js";
import type { Explainers, MeasureOutcome } from "../task.js";
import { chooseSample } from "./choose-sample.js";
import { MeasurementFile } from "./measurement-file.js";
import { readMeasurementSummary } from "./read-measurements.js";
import { type Chosen, type Sample, sampleSchema } from "./schema.js";

export interface SampleWork extends Partial<WorkHooks> {
  readonly manifest: Manifest;
  /** Absolute path of the folder of a finished run. */
  readonly folder: string;
  /** Number of detections to measure. */
  readonly asked: number;
  readonly skipMissing: boolean;
  readonly signal: AbortSignal;
}

/** The number of detections that an earlier call was asked to measure in a run; undefined without one. @throws bad-input. */
export async function begunSample(folder: string): Promise<number | undefined> {
  return (await readSample(folder))?.asked;
}

/**
 * Measures the maps of a sample of the run's detections, and sums the figures up. The sample is written first. Then measurements are appended in its
 * order, so an interrupted call continues after the last of them. A completed sample does not change.
 * @param explainers Called only if there are detections to measure.
 * @throws usage if the run has no maps of single detections, or has another sample; bad-input for damaged files, or when the sources are no longer
 * available; output; aborted. Completed measurements are kept.
 */
export async function measureRun(work: SampleWork, explainers: () => Promise<Explainers>): Promise<MeasurementSummary> {
  const { folder, manifest, signal, onWait } = work;
  refuseOtherMaps(manifest);
  const lock = await lockFolder(folder, { signal, ...(onWait && { onWait }) });
  try {
    const sample = await beginSample(work);
    const done = await readMeasurementSummary(folder);
    if (done !== undefined) return done;
    const lines = await measureRest(work, sample, explainers);
    const { detections: _, schemaVersion: __, ...facts } = sample;
    const summary = summarizeMeasurements(lines, facts);
    await writeFileSafely(join(folder, runFiles.measurementSummary), `${jsonText(summary, 2)}\n`);
    return summary;
  } catch (cause) {
    throw folderError(folder, cause);
  } finally {
    await lock.release();
  }
}

/** @throws usage if the maps of the run explain several detections. */
export function refuseOtherMaps({ options: { explain } }: Manifest): void {
  if (explain.per === "detection") return;
  throw new WhyboxError(
    "usage",
    `--measure measures maps of single detections, and this run has --per ${explain.per}. Run again with --per detection (the default).`,
  );
}

/** Reads or chooses the sample. @throws usage for another sample. */
async function beginSample({ folder, manifest, asked }: SampleWork): Promise<Sample> {
  const { sha256: results } = await digestOf(join(folder, runFiles.results));
  const before = await readSample(folder);
  if (before !== undefined) {
    if (before.asked === asked && before.results === results) return before;
    const [is, not] =
      before.asked === asked ? ["other results", "these"] : [`a sample of ${before.asked} detections`, `${asked}`];
    const names = [runFiles.sample, runFiles.measurements, runFiles.measurementSummary].join(", ");
    throw new WhyboxError(
      "usage",
      `${folder} has measurements of ${is}, not of ${not}. Remove ${names} to measure again.`,
      {
        details: { folder },
      },
    );
  }
  const seed = typeof manifest.options.explain.seed === "number" ? manifest.options.explain.seed : 0;
  const sample = await chooseSample({ asked, seed, results, lines: () => readResults(folder) });
  await writeFileSafely(join(folder, runFiles.sample), `${jsonText(sample, 2)}\n`);
  return sample;
}

function readSample(folder: string): Promise<Sample | undefined> {
  return readJsonFile(
    join(folder, runFiles.sample),
    sampleSchema,
    `is damaged. Remove it and ${runFiles.measurements}.`,
  );
}

/** The detections of the sample in one image. */
interface SampledImage {
  readonly source: string;
  /** Number of the first line. */
  readonly first: number;
  readonly detections: readonly Chosen[];
}

async function measureRest(
  work: SampleWork,
  { detections }: Sample,
  explainers: () => Promise<Explainers>,
): Promise<readonly MeasurementLine[]> {
  const file = await MeasurementFile.open(work.folder, detections);
  try {
    if (file.lines.length < detections.length) {
      const { window, measure } = await explainers();
      const images = imagesOf(detections, file.lines.length, work.signal);
      const writer = new Writer(work, file, detections.length);
      const ask = async (image: SampledImage) => measure({ ...image, location: locate(work.manifest, image) });
      for await (const [image, outcome] of ordered(images, window, ask)) await writer.take(image, outcome);
      if (!work.signal.aborted) await writer.end();
    }
  } finally {
    await file.close();
  }
  stopIfAborted(work.signal);
  return file.lines;
}

function locate({ root }: Manifest, { source }: SampledImage): string {
  return locationOf({ kind: "image", source }, root);
}

/** Groups the detections of a sample by image. It ends when the signal fires. */
async function* imagesOf(
  detections: readonly Chosen[],
  from: number,
  signal: AbortSignal,
): AsyncGenerator<SampledImage> {
  for (let first = from; first < detections.length && !signal.aborted; ) {
    const { item, source } = detections[first]!;
    let end = first + 1;
    while (end < detections.length && detections[end]!.item === item) end++;
    yield { source, first, detections: detections.slice(first, end) };
    first = end;
  }
}

/** Writes the outcomes, which come in the order of the sample. */
class Writer {
  readonly #work: SampleWork;
  readonly #file: MeasurementFile;
  readonly #total: number;
  readonly #missing: MissingWatch<readonly MeasurementLine[]>;
  #failures = 0;

  constructor(work: SampleWork, file: MeasurementFile, total: number) {
    this.#work = work;
    this.#file = file;
    this.#total = total;
    this.#missing = new MissingWatch(work.skipMissing);
  }

  async take(image: SampledImage, outcome: MeasureOutcome): Promise<void> {
    if (outcome.ok) {
      await this.#append([this.#lines(image, outcome.measured)]);
    } else {
      const { code, message, reason, endsTheRun } = outcome;
      if (endsTheRun) throw new WhyboxError(code as WhyboxError["code"], message);
      const lines = this.#lines(
        image,
        image.detections.map(() => message),
        code,
      );
      if (!(await this.#missing.keep(lines, locate(this.#work.manifest, image), reason))) await this.#append([lines]);
    }
    this.#report();
  }

  #lines(
    { first, source, detections }: SampledImage,
    found: readonly (PlainMeasurement | string)[],
    code = "bad-input",
  ): MeasurementLine[] {
    return detections.map(({ box: _, ...chosen }, i) => {
      const one = found[i]!;
      const failed = typeof one === "string";
      if (failed) {
        this.#failures++;
        this.#work.onFailure?.(source, one);
      }
      return {
        ...{ v: measurementsVersion, number: first + i, ...chosen },
        measured: failed ? null : (JSON.parse(JSON.stringify(one, rounded)) as PlainMeasurement),
        error: failed ? { code, message: one } : null,
      };
    });
  }

  async #append(parts: readonly (readonly MeasurementLine[])[]): Promise<void> {
    await this.#file.append([...this.#missing.take(), ...parts].flat());
  }

  async end(): Promise<void> {
    await this.#file.append(this.#missing.last().flat());
    this.#report();
  }

  #report(): void {
    const done = this.#file.lines.length;
    this.#work.onProgress?.({ done, total: this.#total, failures: this.#failures, frames: 0 });
  }
}

/** Rounds to six significant digits, as in the other lines of a run. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(6)) : value;
}
