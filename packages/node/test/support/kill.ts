import { spawn } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { bin } from "./launch.js";

/** How often the tests kill. For more: WHYBOX_KILLS=50. */
export const kills: number = Number(process.env.WHYBOX_KILLS ?? 10);

export interface Kill {
  readonly cwd: string;
  /** Waits for this. */
  readonly after?: (pid: number) => Promise<boolean>;
  /** And then so long. */
  readonly ms: number;
}

/** Runs the command and kills it with no warning. Gives its exit code when it was done before; null when it was killed. */
export async function whyboxKilled(argv: readonly string[], { cwd, after, ms }: Kill): Promise<number | null> {
  const child = spawn(process.execPath, [bin, ...argv], { cwd, stdio: "ignore" });
  const over = new AbortController();
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  void ended.then(() => over.abort());
  while (after !== undefined && !over.signal.aborted && !(await after(child.pid!))) await setTimeout(10);
  await setTimeout(ms, undefined, { signal: over.signal }).catch(() => undefined); // it was done before
  child.kill("SIGKILL");
  return ended;
}
