import { systemErrorCode } from "./system-error.js";

/** Whether a process exists on this machine. Signal 0 has no effect on it. EPERM: it belongs to another user. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemErrorCode(error) === "EPERM";
  }
}
