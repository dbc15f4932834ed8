import { WhyboxError } from "@whybox/core";
import { capital } from "../words.js";
import { systemErrorCode } from "./system-error.js";

/** The explanation of a system error on writing. */
interface DiskFailure {
  readonly reason: string;
  /** What to do about it, other than choosing another folder. */
  readonly remedy?: string;
  /** "file": writing another file to the same folder may succeed. */
  readonly concerns: "file" | "folder";
}

const forbidden: DiskFailure = {
  reason: "writing there is not permitted",
  remedy: "Change the permissions",
  concerns: "folder",
};

const failures: ReadonlyMap<string, DiskFailure> = new Map<string, DiskFailure>([
  ["ENOSPC", { reason: "the disk is full", remedy: "Free some space", concerns: "folder" }],
  ["EDQUOT", { reason: "your disk quota is used up", remedy: "Free some space", concerns: "folder" }],
  ["EACCES", forbidden],
  ["EPERM", forbidden],
  ["EROFS", { reason: "the file system is read-only", concerns: "folder" }],
  ["ENOENT", { reason: "the folder does not exist or accepts no files", concerns: "folder" }],
  ["ENOTDIR", { reason: "a file exists where a folder is needed", concerns: "folder" }],
  ["EIO", { reason: "the disk reports an error", remedy: "Check it", concerns: "folder" }],
  ["EMFILE", { reason: "too many files are open", remedy: "Raise the limit (ulimit -n)", concerns: "folder" }],
  ["EFBIG", { reason: "the file is larger than allowed", remedy: "Raise the limit (ulimit -f)", concerns: "file" }],
  ["EEXIST", { reason: "a file with this name exists", remedy: "Remove it", concerns: "file" }],
  ["EISDIR", { reason: "a folder with this name exists", remedy: "Remove it", concerns: "file" }],
  ["ENAMETOOLONG", { reason: "the name is too long", remedy: "Rename the source", concerns: "file" }],
]);

/**
 * Explains why a write failed and what to do: "the disk is full (ENOSPC). Free some space, or …".
 * @param elsewhere How to choose another place: "choose another folder with --out".
 */
export function explainDiskFailure(cause: unknown, elsewhere: string): string {
  const code = systemErrorCode(cause);
  const failure = failures.get(code);
  if (failure === undefined) return `${cause instanceof Error ? cause.message : code}. ${capital(elsewhere)}.`;
  const { reason, remedy } = failure;
  return `${reason} (${code}). ${remedy === undefined ? capital(elsewhere) : `${remedy}, or ${elsewhere}`}.`;
}

interface WriteErrorOptions {
  /** How to choose another place, as in `explainDiskFailure`. Default: another folder with --out. */
  readonly elsewhere?: string;
  /** The end of the message. */
  readonly more?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * The error of a failed write. A WhyboxError has its own message and is returned unchanged.
 * @param what The start of the message: "Cannot write results to /data".
 */
export function writeError(what: string, cause: unknown, options: WriteErrorOptions = {}): WhyboxError {
  if (cause instanceof WhyboxError) return cause;
  const { elsewhere = "choose another folder with --out", more = "", details } = options;
  return new WhyboxError("output", `${what}: ${explainDiskFailure(cause, elsewhere)}${more}`, {
    details: { ...details, reason: systemErrorCode(cause) },
    cause,
  });
}

/** A failure of the disk becomes the error of a failed write to the folder. Other errors are returned unchanged. */
export function folderError(folder: string, cause: unknown): unknown {
  return isDiskFailure(cause) ? writeError(`Cannot write results to ${folder}`, cause, { details: { folder } }) : cause;
}

/** "folder" when another file in the same folder would fail too, else "file". */
export function concernsOf(cause: unknown): "file" | "folder" {
  return failures.get(systemErrorCode(cause))?.concerns ?? "folder";
}

/** Whether the error comes from writing to the disk, and not from the network. */
export function isDiskFailure(cause: unknown): boolean {
  const { syscall } = (cause ?? {}) as NodeJS.ErrnoException;
  return failures.has(systemErrorCode(cause)) && syscall !== undefined && syscall !== "connect";
}
