// Measures the reader of PyTorch checkpoints: time and memory for a file of 170 MB, and how fast ONNX Runtime runs what it makes.
//   npm run bench                                               as its last part: reads checkpoints that it writes itself
//   npm run bench -- --reference FOLDER                         also runs FOLDER/models/yolov5s.pt over yolov5s-dynamic.onnx, its official export
//   node bench/torch.mjs [--reference FOLDER]                   this part alone; saved in bench/results/torch.json
//   node bench/torch.mjs --file best.pt                         reads that file, nothing saved
//   node bench/torch.mjs --pt best.pt --onnx best.onnx          runs both, over each other (the same network, exported), nothing saved
//   … --quick                                                   few repetitions, nothing saved
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { encodeModel, readTorch } from "@whybox/core";
import { facts, interleaved, ratio, threads } from "./measure.mjs";
import { saveResults } from "./results.mjs";

const { values } = parseArgs({
  options: {
    file: { type: "string" },
    pt: { type: "string" },
    onnx: { type: "string" },
    reference: { type: "string" },
    size: { type: "string", default: "640" },
    quick: { type: "boolean", default: false },
    child: { type: "string" },
  },
});
const repeats = values.quick ? 2 : 9;

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
  // Folded and widened weights are made when they are looked at.
  const withWeights = (performance.now() - start) / 1000;
  const grown = (peak() - before) * 1024;
  console.log(JSON.stringify({ seconds, withWeights, weights: weights / bytes.length, peak: grown / bytes.length }));
}

function readInChild(title, path) {
  const runs = Array.from({ length: repeats }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), "--child", path], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  });
  const middle = (key) => runs.map((run) => run[key]).toSorted((a, b) => a - b)[runs.length >> 1];
  const row = {
    megabytes: Math.round(statSync(path).size / 1e6),
    seconds: rounded(middle("seconds")),
    secondsWithWeights: rounded(middle("withWeights")),
    peakOverFile: rounded(middle("peak")),
    weightsOverFile: rounded(middle("weights")),
  };
  console.log(
    `  ${title.padEnd(28)} ${row.megabytes} MB: ${row.seconds} s, ${row.secondsWithWeights} s with every weight looked at; memory at the peak, the file itself included, ${row.peakOverFile} × its size (weights ${row.weightsOverFile} ×)`,
  );
  return row;
}

const rounded = (value) => Number(value.toFixed(3));

async function reading() {
  console.log("\nReading a checkpoint, medians");
  if (values.file !== undefined) return { file: readInChild("file", values.file) };
  const { writeCheckpoint } = await import("./torch-checkpoint.mjs");
  const folder = mkdtempSync(join(tmpdir(), "whybox-bench-"));
  const rows = {};
  for (const [title, layers, half] of [
    ["half precision", 36, true],
    ["single precision", 18, false],
  ]) {
    const path = join(folder, "big.pt");
    writeCheckpoint(path, layers, half);
    rows[title] = readInChild(title, path);
  }
  rmSync(folder, { recursive: true });
  return rows;
}

/** Both models in turns, the same input. */
async function running(pt, onnx) {
  const ort = await import("onnxruntime-node");
  const side = Number(values.size);
  const data = Float32Array.from({ length: 3 * side * side }, (_, i) => (i * 0.6180339887) % 1);
  const input = new ort.Tensor("float32", data, [1, 3, side, side]);
  const open = (bytes) => ort.InferenceSession.create(bytes, { intraOpNumThreads: threads });
  const ours = await open(encodeModel(readTorch(readFileSync(pt))));
  const official = await open(readFileSync(onnx));
  const run = (session) => () => session.run({ [session.inputNames[0]]: input });
  const { ms: times } = await interleaved({ official: run(official), ours: run(ours) });
  const [a, b] = [(await run(ours)())[ours.outputNames[0]], (await run(official)())[official.outputNames[0]]];
  const largest = b.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const gap = a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i])), 0);
  await Promise.all([ours.release(), official.release()]);
  const row = {
    size: side,
    oursOverOfficial: ratio(times.ours / times.official),
    officialMs: ratio(times.official),
    largestDifference: Number((gap / largest).toExponential(1)),
  };
  console.log(
    `\nRunning at ${side}: ours / official ${row.oursOverOfficial} (official ${row.officialMs.toFixed(0)} ms), largest difference ${row.largestDifference} of the largest value`,
  );
  return row;
}

async function measureAndSave() {
  const results = { ...facts(), repeats, reading: await reading() };
  const models = values.reference === undefined ? undefined : join(values.reference, "models");
  if (models === undefined) {
    console.log("\nRunning: left out; --reference FOLDER names models/yolov5s.pt and models/yolov5s-dynamic.onnx");
  } else results.running = await running(join(models, "yolov5s.pt"), join(models, "yolov5s-dynamic.onnx"));
  if (values.quick) return;
  saveResults("torch.json", results);
}

if (values.child !== undefined) readOnce(values.child);
else if (values.file !== undefined) await reading();
else if (values.pt !== undefined) await running(values.pt, values.onnx);
else await measureAndSave();
