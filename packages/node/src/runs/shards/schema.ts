import { z } from "zod";
import { runFilesVersion } from "../schema.js";

/** A shard's file that says of which run it is. */
export const originFile = "shard.json";

/** `shard.json`: written when a shard is begun, so that a shard of another run is never merged into this one. */
export const originSchema = z.object({
  schemaVersion: z.literal(runFilesVersion),
  manifest: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe("SHA-256 of the run's manifest.json."),
  first: z.int(),
  end: z.int().describe("The item behind the last one."),
});

export type ShardOrigin = z.infer<typeof originSchema>;
