/** The system's error code ("ENOENT"), or "unknown error". */
export function systemErrorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}
