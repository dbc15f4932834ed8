import { readFile } from "node:fs/promises";
import { WhyboxError } from "@whybox/core";
import type { z } from "zod";
import { systemErrorCode } from "./system-error.js";

/**
 * Reads a JSON file that Whybox wrote; undefined when it does not exist.
 * @param remedy a sentence about a file that cannot be read or does not fit the schema, after its path.
 * @throws bad-input for such a file.
 */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>, remedy: string): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    if (systemErrorCode(cause) === "ENOENT") return undefined;
    throw new WhyboxError("bad-input", `${path} ${remedy}`, { details: { path }, cause });
  }
}
