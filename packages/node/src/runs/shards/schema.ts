import { z } from "zod";
import { runFilesVersion } from "../schema.js";

/** The file that records the run of a shard. */
export const originFile = "shard.json";

/** `shard.json`: written when a shard starts, so that shards of different runs are never merged. */
export const originSchema = z.object({
  schemaVersion: z.literal(runFilesVersion),
  manifest: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe("SHA-256 of the run's manifest.json."),
  first: z.int(),
  end: z.int().describe("The item after the last one."),
});

export type ShardOrigin = z.infer<typeof originSchema>;
