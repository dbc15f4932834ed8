import { type ResultDocument, resultSchemaVersion } from "@whybox/core";
import type { RunDocument } from "../io/result-schema.js";
import { type ExitCode, exitCodeOf, exitCodes, worstExitCode } from "./exit-codes.js";
import { failureCode, failureMessage } from "./failure.js";

/** Records a run: the document of `--json`, the summary and the exit code. */
export interface RunLog {
  /** The folder exists, and this many sources are planned. */
  begin(outputFolder: string, sources: number): void;
  explained(document: ResultDocument): void;
  failed(source: string, error: unknown): void;
  /** An error ended the run before all sources were tried. */
  stopped(error: unknown): void;
  /** Number of sources tried since `begin`. */
  done(): number;
  withoutDetections(): number;
  exitCode(): ExitCode;
  document(): RunDocument;
}

/** @param keepResults if false, documents are counted but not kept, which saves memory in long runs. */
export function createRunLog(version: string, options: { requireDetections: boolean; keepResults: boolean }): RunLog {
  const results: ResultDocument[] = [];
  const failures: RunDocument["failures"] = [];
  const codes: ExitCode[] = [];
  let error: RunDocument["error"] = null;
  let outputFolder: string | null = null;
  let planned = 0;
  let failedBefore = 0;
  let withoutDetections = 0;
  const counts = { explained: 0, empty: 0 };
  const done = () => counts.explained + counts.empty + failures.length - failedBefore;
  const describe = (thrown: unknown) => ({ code: failureCode(thrown), message: failureMessage(thrown) });
  return {
    begin(folder, sources) {
      outputFolder = folder;
      planned = sources;
      failedBefore = failures.length;
    },
    explained(document) {
      counts[document.empty === null ? "explained" : "empty"]++;
      if (document.detections.length === 0) {
        withoutDetections++;
        if (options.requireDetections) codes.push(exitCodes.nothingDetected);
      }
      if (options.keepResults) results.push(document);
    },
    failed(source, thrown) {
      failures.push({ source, ...describe(thrown) });
      codes.push(exitCodeOf(thrown));
    },
    stopped(thrown) {
      error = describe(thrown);
      codes.push(exitCodeOf(thrown));
    },
    done,
    withoutDetections: () => withoutDetections,
    exitCode: () => worstExitCode(codes),
    document: () => ({
      schemaVersion: resultSchemaVersion,
      tool: { name: "whybox", version },
      outputFolder,
      results,
      failures,
      error,
      summary: {
        ...counts,
        failed: failures.length,
        notTried: Math.max(0, planned - done()),
        exitCode: worstExitCode(codes),
      },
    }),
  };
}
