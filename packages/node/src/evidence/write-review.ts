import { join } from "node:path";
import { jsonText, WhyboxError } from "@whybox/core";
import { exists } from "../io/exists.js";
import { writeFileSafely } from "../io/write-file.js";
import { evidenceFiles, evidenceSchemaVersion, type Review, reviewSchema } from "./schema.js";

export interface ReviewOptions extends Pick<Review, "reviewer" | "verdict" | "comment"> {
  /** Folder of the bundle. */
  readonly folder: string;
  /** SHA-256 of its SHA256SUMS. */
  readonly digest: string;
  readonly now: Date;
}

/** Writes the review of a bundle beside its files. @throws output when there is one, or it cannot be written. */
export async function writeReview({ folder, digest, now, ...said }: ReviewOptions): Promise<string> {
  const path = join(folder, evidenceFiles.review);
  if (await exists(path)) {
    const message = `${path} exists. A bundle has one review. Move it elsewhere to write another one.`;
    throw new WhyboxError("output", message, { details: { path } });
  }
  const { reviewer, verdict, comment } = said;
  const review: Review = reviewSchema.parse({
    ...{ schemaVersion: evidenceSchemaVersion, kind: "review", bundle: digest },
    ...{ reviewer, verdict, comment, date: now.toISOString() },
  });
  await writeFileSafely(path, `${jsonText(review, 2)}\n`);
  return path;
}
