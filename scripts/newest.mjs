import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** When the newest file of a folder, or the file itself, was written; 0 where there is none. */
export function newest(path) {
  const entry = statSync(path, { throwIfNoEntry: false });
  if (entry === undefined) return 0;
  if (!entry.isDirectory()) return entry.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}
