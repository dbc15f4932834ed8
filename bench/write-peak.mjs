// Loaded before a measured process: writes the largest memory of the process, in KiB, when it ends.
// VmHWM where there is one: the resource usage of a child starts at its parent's.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

if (isMainThread) {
  process.on("exit", () => {
    const status = existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "";
    const peak = /VmHWM:\s+(\d+)/.exec(status)?.[1] ?? process.resourceUsage().maxRSS;
    writeFileSync(process.env.WHYBOX_BENCH_PEAK, String(peak));
  });
}
