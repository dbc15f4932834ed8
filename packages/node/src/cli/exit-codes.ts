import { WhyboxError, type WhyboxErrorCode } from "@whybox/core";

/** All exit codes of the `whybox` command. They are public and documented in docs/cli.md. */
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
  beyondLimits: 9,
  aborted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The meaning of each code, as text. Sorted by severity, the worst first. With several sources, the worst code is returned. */
export const exitCodeMeanings: readonly (readonly [code: ExitCode, meaning: string])[] = [
  [exitCodes.aborted, "stopped by the user (Ctrl-C)"],
  [exitCodes.bug, "a bug in Whybox"],
  [exitCodes.output, "results could not be written (read-only folder, full disk)"],
  [exitCodes.runtime, "ONNX Runtime rejected the device, the model or a run"],
  [exitCodes.download, "a download failed (weights, or the image of a URL)"],
  [exitCodes.unsupportedModel, "the model is valid but cannot be explained"],
  [exitCodes.usage, "an option or argument is invalid"],
  [exitCodes.badInput, "a file is missing, unreadable, damaged, too large or of the wrong type"],
  [
    exitCodes.beyondLimits,
    "whybox compare found more differences than its limits allow, whybox evidence --verify found a problem, or whybox check --strict did not pass",
  ],
  [exitCodes.nothingDetected, "nothing was detected in an image, and --require-detections was given"],
  [exitCodes.ok, "success"],
];

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

/** Returns the exit code for a thrown value. Anything other than a WhyboxError is a bug. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof WhyboxError ? exitCodeOfErrorCode[error.code] : exitCodes.bug;
}

/** Returns the worst of several exit codes, by the order of `exitCodeMeanings`; `ok` for an empty list. */
export function worstExitCode(codes: readonly ExitCode[]): ExitCode {
  return exitCodeMeanings.find(([code]) => codes.includes(code))?.[0] ?? exitCodes.ok;
}
