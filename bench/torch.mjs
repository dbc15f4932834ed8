// Measures the reader of PyTorch checkpoints: time and memory for a file of 170 MB, and how fast ONNX Runtime runs what it makes.
//   node bench/torch.mjs                                        reads checkpoints that it writes itself
//   node bench/torch.mjs --file best.pt                         reads that file
//   node bench/torch.mjs --pt best.pt --onnx best.onnx          runs both, over each other (the same network, exported)
//   … --quick                                                   few repetitions
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { encodeModel, readTorch } from "@whybox/core";

const { values } = parseArgs({
  options: {
    file: { type: "string" },
    pt: { type: "string" },
    onnx: { type: "string" },
    size: { type: "string", default: "640" },
    quick: { type: "boolean", default: false },
    child: { type: "string" },
  },
});

/** In a process of its own: what reading one file takes, over what the process had with nothing read. */
function readOnce(path) {
  const peak = () =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? process.resourceUsage().maxRSS);
  const before = peak();
  const bytes = readFileSync(path);
  const start = performance.now();
  const model = readTorch(bytes);
  const seconds = (performance.now() - start) / 1000;
  const weights = [...model.graph.initializers.values()].reduce((sum, tensor) => sum + tensor.bytes.length, 0);
  const grown = (peak() - before) * 1024;
  console.log(JSON.stringify({ seconds, weights: weights / bytes.length, peak: grown / bytes.length }));
}

function readInChild(title, path) {
  const runs = Array.from({ length: values.quick ? 2 : 5 }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), "--child", path], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  });
  const middle = (key) => runs.map((run) => run[key]).toSorted((a, b) => a - b)[runs.length >> 1];
  const size = (statSync(path).size / 1e6).toFixed(0);
  console.log(
    `  ${title.padEnd(28)} ${size} MB: ${middle("seconds").toFixed(2)} s; memory at the peak, the file itself included, ${middle("peak").toFixed(2)} × its size (weights ${middle("weights").toFixed(2)} ×)`,
  );
}

async function reading() {
  console.log("Reading a checkpoint, medians");
  if (values.file !== undefined) return readInChild("file", values.file);
  const { writeCheckpoint } = await import("./torch-checkpoint.mjs");
  const folder = mkdtempSync(join(tmpdir(), "whybox-bench-"));
  for (const [title, layers, half] of [
    ["half precision", 36, true],
    ["single precision", 18, false],
  ]) {
    const path = join(folder, "big.pt");
    writeCheckpoint(path, layers, half);
    readInChild(title, path);
  }
  rmSync(folder, { recursive: true });
}

/** Both models in turns, the same input. */
async function running() {
  const ort = await import("onnxruntime-node");
  const { interleaved, ratio, threads } = await import("./measure.mjs");
  const side = Number(values.size);
  const data = Float32Array.from({ length: 3 * side * side }, (_, i) => (i * 0.6180339887) % 1);
  const input = new ort.Tensor("float32", data, [1, 3, side, side]);
  const open = (bytes) => ort.InferenceSession.create(bytes, { intraOpNumThreads: threads });
  const ours = await open(encodeModel(readTorch(readFileSync(values.pt))));
  const official = await open(readFileSync(values.onnx));
  const run = (session) => () => session.run({ [session.inputNames[0]]: input });
  const times = await interleaved({ official: run(official), ours: run(ours) });
  const [a, b] = [(await run(ours)())[ours.outputNames[0]], (await run(official)())[official.outputNames[0]]];
  const largest = b.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const gap = a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i])), 0);
  console.log(
    `Running at ${side}: ours / official ${ratio(times.ours / times.official)} (official ${times.official.toFixed(0)} ms), largest difference ${(gap / largest).toExponential(1)} of the largest value`,
  );
  await Promise.all([ours.release(), official.release()]);
}

if (values.child !== undefined) readOnce(values.child);
else if (values.pt !== undefined) await running();
else await reading();
