import { WhyboxError, type WhyboxErrorCode } from "@whybox/core";

/** Every exit code of the `whybox` command. Documented in docs/cli.md; part of the public surface. */
export const exitCodes = {
  ok: 0,
  bug: 1,
  usage: 2,
  badInput: 3,
  unsupportedModel: 4,
  nothingDetected: 5,
  output: 6,
  download: 7,
  runtime: 8,
  aborted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What each code means, for people. In the order of severity, worst first: with several sources the worst one is returned. */
export const exitCodeMeanings: readonly (readonly [code: ExitCode, meaning: string])[] = [
  [exitCodes.aborted, "stopped by the user (Ctrl-C)"],
  [exitCodes.bug, "a bug in Whybox"],
  [exitCodes.output, "results could not be written (read-only folder, full disk)"],
  [exitCodes.runtime, "ONNX Runtime refused the device, the model or a run"],
  [exitCodes.download, "a download failed (weights, or a picture behind a URL)"],
  [exitCodes.unsupportedModel, "the model is sound but cannot be explained"],
  [exitCodes.usage, "an option or argument is wrong"],
  [exitCodes.badInput, "a file is missing, unreadable, damaged, too large, or not what it claims to be"],
  [exitCodes.nothingDetected, "nothing was detected in a picture, and --require-detections was given"],
  [exitCodes.ok, "all is well"],
];

/** The one table from error code to exit code. */
const exitCodeOfErrorCode: Readonly<Record<WhyboxErrorCode, ExitCode>> = {
  usage: exitCodes.usage,
  "bad-input": exitCodes.badInput,
  "unsupported-model": exitCodes.unsupportedModel,
  "no-gradient": exitCodes.unsupportedModel,
  limit: exitCodes.badInput,
  runtime: exitCodes.runtime,
  output: exitCodes.output,
  download: exitCodes.download,
  aborted: exitCodes.aborted,
  internal: exitCodes.bug,
};

/** The exit code for anything thrown. What is not a WhyboxError is a bug. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof WhyboxError ? exitCodeOfErrorCode[error.code] : exitCodes.bug;
}

/** The worst of several exit codes, by the order of `exitCodeMeanings`; `ok` of none. */
export function worstExitCode(codes: readonly ExitCode[]): ExitCode {
  return exitCodeMeanings.find(([code]) => codes.includes(code))?.[0] ?? exitCodes.ok;
}
