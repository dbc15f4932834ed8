import { access, stat } from "node:fs/promises";
import { systemErrorCode } from "./system-error.js";

export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

const absent = ["ENOENT", "ENOTDIR", "ERR_INVALID_ARG_VALUE"];

/** The same, but throws if it cannot tell, as without permission. A path that no file can have, such as one with a NUL, is absent. */
export function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (absent.includes(systemErrorCode(error))) return false;
      throw error;
    },
  );
}

/** Whether a path is a folder, or a link to one. */
export function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}
