import { spawn } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { bin } from "./launch.js";

/** How often the tests interrupt a command, fill a disk and so on. `npm run bench:endure` sets it to 100. */
export const rounds: number = Number(process.env.WHYBOX_ROUNDS ?? 5);

/** The signals that end a command: without warning, as a system does, and as Ctrl-C does. */
export const signals = ["SIGKILL", "SIGTERM", "SIGINT"] as const;
export type Ending = (typeof signals)[number];

export interface Interruption {
  readonly cwd: string;
  readonly signal: Ending;
  /** Waits for this. */
  readonly after?: (pid: number) => Promise<boolean>;
  /** And then so long. */
  readonly ms: number;
  /** Sends the signal once more after so many milliseconds. */
  readonly again?: number;
}

/** Runs the command and sends it a signal. Returns whether it was done before. @throws when it ended in another way. */
export async function interrupt(argv: readonly string[], options: Interruption): Promise<"done" | "interrupted"> {
  const { cwd, signal, after, ms, again } = options;
  const child = spawn(process.execPath, [bin, ...argv], { cwd, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    stderr += chunk;
  });
  const over = new AbortController();
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.on("close", (code, by) => resolve(by ?? code)),
  );
  void ended.then(() => over.abort());
  const pause = (time: number) => setTimeout(time, undefined, { signal: over.signal }).catch(() => undefined);
  while (after !== undefined && !over.signal.aborted && !(await after(child.pid!))) await setTimeout(10);
  await pause(ms);
  child.kill(signal);
  if (again !== undefined) {
    await pause(again);
    child.kill(signal);
  }
  const how = await ended;
  if (how === 0) return "done";
  // 130: the command noticed the signal. The signal: it had no time to, or it came twice.
  if (how === signal || (how === 130 && signal !== "SIGKILL")) return "interrupted";
  throw new Error(`${argv.join(" ")} ended with ${how} after ${signal}: ${stderr}`);
}
