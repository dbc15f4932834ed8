import { createHash } from "node:crypto";
import { WhyboxError, type WhyboxErrorCode } from "@whybox/core";
import { z } from "zod";

/** The queue's name in Redis; one Redis database has one. */
export const queueName = "whybox";

/** What a job says: one shard of a run, in a folder that all machines have at the same path. */
export const jobSchema = z.strictObject({
  run: z.string(),
  manifest: z.string().describe("SHA-256 of manifest.json."),
  shard: z.int().min(0),
});

export type ShardJob = z.infer<typeof jobSchema>;

/** How far a job is; what a worker tells about once a second. */
export const progressSchema = z.object({ done: z.int(), failures: z.int() });

/** The same shard of the same run in the same folder has the same id, so that it is queued once however often it is submitted. */
export function jobId({ run, manifest, shard }: ShardJob): string {
  const digest = createHash("sha256").update(`${run}\0${manifest}`).digest("hex");
  return `${digest.slice(0, 24)}-${shard}`;
}

/** First wait after a failure; each further one is twice as long. */
export const BACKOFF_MS = 2_000;

/** Text of a failure that crosses the queue. */
export function failureText(error: unknown): string {
  const code = error instanceof WhyboxError ? error.code : "internal";
  return `${code}: ${error instanceof Error ? error.message : String(error)}`;
}

const codes: ReadonlySet<string> = new Set<WhyboxErrorCode>([
  ...(["usage", "bad-input", "unsupported-model", "no-gradient", "limit"] as const),
  ...(["runtime", "output", "download", "aborted", "internal"] as const),
]);

/** The failure of such a text; what BullMQ itself says of a job (that it stalled too often) is one of the machines. */
export function readFailure(text: string): { readonly code: WhyboxErrorCode; readonly message: string } {
  const [, code = "", message = ""] = /^([a-z-]+): (.*)$/s.exec(text) ?? [];
  return codes.has(code) ? { code: code as WhyboxErrorCode, message } : { code: "runtime", message: text };
}
