// The whole command, and the memory of many heatmaps: each in a process of its own.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const writePeak = pathToFileURL(join(import.meta.dirname, "../write-peak.mjs")).href;

/** Runs Node with the arguments. Returns the largest memory of the process in MiB. */
function runNode(args, folder) {
  const peakFile = join(folder, "peak");
  const env = { ...process.env, WHYBOX_BENCH_PEAK: peakFile };
  const { status, stderr } = spawnSync(process.execPath, ["--import", writePeak, ...args], { encoding: "utf8", env });
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}: ${stderr}`);
  return Number(readFileSync(peakFile, "utf8")) / 1024;
}

const temporary = () => mkdtempSync(join(tmpdir(), "whybox-bench-"));

/** Start, load, explain, draw, write. By default, each detection has its own map and a place in the contact sheet. */
export const command = {
  name: "command",
  title: "The whole command, weights cached",
  async open({ root }, { photo, path }) {
    const folder = temporary();
    const program = join(root, "packages/node/bin/whybox.js");
    const args = [program, "explain", photo, "--weights", path, "--out", join(folder, "out"), "--quiet"];
    let peak = 0;
    return {
      actions: {
        command: () => {
          peak = Math.max(peak, runNode(args, folder));
        },
        image: () => {
          runNode([...args, "--per", "image"], folder);
        },
      },
      peak: () => peak,
      close: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
  rows: [
    { name: "command, start to files written, weights cached", of: "command", aim: 12 },
    { name: "the same with `--per image`: one map for the image", of: "image" },
    { name: "command, seconds", of: "command", unit: "s", value: (ms) => ms.command / 1000 },
    { name: "command, memory at the peak", of: "command", unit: "MiB", value: (_, { peak }) => peak() },
  ],
};

const HUNDRED = ["GradCAM", "ODAM", "tap-fusion-fast", "tap-fusion"];

/** The peak of a process that loads the model, explains 100 detections once and holds all heatmaps. */
export const memory = {
  name: "memory",
  title: "Memory at the peak for 100 detections",
  once: true,
  plain: {},
  async open({ root }) {
    const folder = temporary();
    const script = join(import.meta.dirname, "../memory.mjs");
    const peaks = {};
    const measure = (method) => () => {
      peaks[method] = runNode([script, root, method, "100"], folder);
    };
    return {
      actions: Object.fromEntries(HUNDRED.map((method) => [method, measure(method)])),
      peaks,
      close: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
  rows: HUNDRED.map((method) => ({
    name: `${method} per detection, 100 detections, memory`,
    of: method,
    unit: "MiB",
    aim: 1024,
    value: (_, { peaks }) => peaks[method],
  })),
};
