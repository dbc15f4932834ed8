import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The files of a folder whose names match, in alphabetical order. */
export function findFiles(folder, pattern) {
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(folder, name));
}

export function digestOf(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
