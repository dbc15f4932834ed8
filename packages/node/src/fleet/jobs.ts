import { createHash } from "node:crypto";
import { WhyboxError, type WhyboxErrorCode } from "@whybox/core";
import { z } from "zod";

/** The queue's name in Redis. A Redis database has one Whybox queue. */
export const queueName = "whybox";

/** The data of a job: one shard of a run, in a folder that has the same path on all machines. */
export const jobSchema = z.strictObject({
  run: z.string(),
  manifest: z.string().describe("SHA-256 of manifest.json."),
  shard: z.int().min(0),
});

export type ShardJob = z.infer<typeof jobSchema>;

/** The progress of a job. A worker reports it about once per second. */
export const progressSchema = z.object({ done: z.int(), failures: z.int() });

/** The job's id. The same shard of the same run in the same folder has the same id, so submitting it again does not duplicate it. */
export function jobId({ run, manifest, shard }: ShardJob): string {
  const digest = createHash("sha256").update(`${run}\0${manifest}`).digest("hex");
  return `${digest.slice(0, 24)}-${shard}`;
}

/** First wait after a failure. Each further wait is twice as long. */
export const BACKOFF_MS = 2_000;

/** Formats a failure as text for the queue. */
export function failureText(error: unknown): string {
  const code = error instanceof WhyboxError ? error.code : "internal";
  return `${code}: ${error instanceof Error ? error.message : String(error)}`;
}

const codes: ReadonlySet<string> = new Set<WhyboxErrorCode>([
  ...(["usage", "bad-input", "unsupported-model", "no-gradient", "limit"] as const),
  ...(["runtime", "output", "download", "aborted", "internal"] as const),
]);

/** Parses the text of `failureText`. BullMQ's own messages (that a job stalled too often) get the code `runtime`. */
export function readFailure(text: string): { readonly code: WhyboxErrorCode; readonly message: string } {
  const [, code = "", message = ""] = /^([a-z-]+): (.*)$/s.exec(text) ?? [];
  return codes.has(code) ? { code: code as WhyboxErrorCode, message } : { code: "runtime", message: text };
}
