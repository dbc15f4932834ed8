import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type ColormapName, jsonText, WhyboxError } from "@whybox/core";
import { z } from "zod";
import type { Device } from "../api.js";
import type { ImageSettings } from "../images/settings.js";
import { systemErrorCode } from "../io/system-error.js";
import {
  type Manifest,
  manifestSchema,
  type RunOptionsRecord,
  runFiles,
  runFilesVersion,
  type SourceSettings,
} from "./schema.js";
import type { WorkerReport } from "./task.js";

/** The settings of a run. Its results depend on these and on its sources. */
export interface RunSettings extends SourceSettings {
  readonly batch: ImageSettings;
  /** Threads of each worker's session. */
  readonly threads: number;
}

/** Converts settings to their form in the manifest. Files are absolute paths. */
export function optionsRecord({ batch, threads, ...sources }: RunSettings, cwd: string): RunOptionsRecord {
  const { explain, colormap, opacity, hideBoxes, hideLabels, sideBySide, crop } = batch;
  const weights = resolve(cwd, batch.weights);
  return {
    weights: existsSync(weights) ? weights : batch.weights,
    names: batch.names === undefined ? null : resolve(cwd, batch.names),
    ...(batch.anchors === undefined ? {} : { anchors: batch.anchors }),
    device: batch.device,
    threads,
    input: batch.input === undefined ? null : JSON.parse(JSON.stringify(batch.input)),
    explain: JSON.parse(JSON.stringify(explain)),
    save: batch.save.filter((kind) => kind !== "json"),
    frame: batch.frame,
    // A run is started by the command, which takes names only.
    draw: { colormap: colormap as ColormapName, opacity, hideBoxes, hideLabels, sideBySide, crop: crop ?? null },
    ...sources,
  };
}

export function settingsOfRecord(record: RunOptionsRecord): RunSettings {
  const { weights, names, anchors, device, threads, input, explain, save, frame, draw, ...sources } = record;
  return {
    batch: {
      ...{ weights, anchors, threads, save, frame },
      names: names ?? undefined,
      device: device as Device,
      input: (input ?? undefined) as ImageSettings["input"],
      explain: explain as unknown as ImageSettings["explain"],
      ...{ ...draw, colormap: draw.colormap as ImageSettings["colormap"], crop: draw.crop ?? undefined },
    },
    threads,
    ...sources,
  };
}

export function factsRecord({ model, versions }: WorkerReport, whybox: string): Pick<Manifest, "versions" | "model"> {
  return {
    versions: { whybox, ...versions },
    model: {
      sha256: model.sha256,
      bytes: model.bytes,
      format: model.format,
      opset: model.opset,
      precision: model.precision,
      storedPrecision: model.storedPrecision,
      licence: model.licence ?? null,
      licenceInFile: model.licenceInFile ?? null,
      task: model.head.task,
      hasObjectness: model.head.hasObjectness,
      classNames: [...model.classNames],
      levels: model.head.levels.map(({ name, stride }) => ({ name, stride })),
    },
  };
}

export function manifestText(manifest: Manifest): string {
  return `${jsonText(manifestSchema.parse(manifest), 2)}\n`;
}

/**
 * Reads the manifest of a run's folder; undefined when it does not exist.
 * @throws bad-input when it is damaged, or has another version.
 */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = join(folder, runFiles.manifest);
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    if (systemErrorCode(cause) === "ENOENT") return undefined;
    const message = `Cannot read ${path} (${systemErrorCode(cause)}). Check its permissions and the disk.`;
    throw new WhyboxError("bad-input", message, { cause });
  });
  if (text === undefined) return undefined;
  const data = parseJson(text);
  const found = manifestSchema.safeParse(data);
  if (found.success) return found.data;
  const version = (data as { schemaVersion?: unknown } | null | undefined)?.schemaVersion;
  const why =
    typeof version === "number" && version !== runFilesVersion
      ? `it has version ${version}, and this version of Whybox supports version ${runFilesVersion}`
      : data === undefined
        ? "it is not valid JSON"
        : (z.prettifyError(found.error).split("\n")[0] ?? "");
  throw new WhyboxError("bad-input", `${path} is not a valid manifest of a run: ${why}.`, { details: { path } });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the schema reports the error
  }
}

/** A difference: the path of the entry, its value in the run, its value now. */
export interface Difference {
  readonly entry: string;
  readonly was: string;
  readonly now: string;
}

export function differences(was: unknown, now: unknown, entry = ""): Difference[] {
  if (isRecord(was) && isRecord(now)) {
    const keys = [...new Set([...Object.keys(was), ...Object.keys(now)])];
    return keys.flatMap((key) => differences(was[key], now[key], entry === "" ? key : `${entry}.${key}`));
  }
  const [before, after] = [JSON.stringify(was) ?? "nothing", JSON.stringify(now) ?? "nothing"];
  return before === after ? [] : [{ entry, was: shortened(before), now: shortened(after) }];
}

/** @throws usage when there are differences. The message lists them. */
export function refuseDifferences(found: readonly Difference[], folder: string): void {
  if (found.length === 0) return;
  const lines = found.map(({ entry, was, now }) => `  ${entry}: ${was} in the run, ${now} now`);
  throw new WhyboxError(
    "usage",
    `${folder} contains a run with other settings:\n${lines.join("\n")}\nUse the same settings, omit all of them (whybox run --resume --out …), or choose another folder with --out.`,
    { details: { folder, differences: found } },
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shortened(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}
