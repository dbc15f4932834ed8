// Measures how far the heatmaps of one model in several precisions lie apart.
//   node bench/precision.mjs fp32.onnx fp16.onnx int8.onnx             the committed photos
//   node bench/precision.mjs fp32.onnx int8.onnx photo.jpg …           other photos
//   --layer 17   --method LayerCAM   --repeats 5   --out file.json
// The first model is what the others are compared with. docs/precision.md says what the columns mean. Of the committed photos the numbers are
// saved to bench/results/precision.json, of others only where --out says.
import { readdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { decodeImage, loadDetector } from "whybox";

const root = resolve(import.meta.dirname, "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    layer: { type: "string", multiple: true },
    method: { type: "string" },
    repeats: { type: "string", default: "3" },
    out: { type: "string" },
  },
});
const isModel = (file) => /\.(onnx|pt)$/.test(file);
const models = positionals.filter(isModel);
const given = positionals.filter((file) => !isModel(file));
const folder = join(root, "fixtures/photos");
const photos = given.length > 0 ? given : images(folder).map((file) => join(folder, file));
if (models.length < 2) throw new Error("Name two model files or more: the first is what the others are compared with.");

function images(path) {
  return readdirSync(path).filter((file) => /\.(jpg|png)$/.test(file));
}

const layer = values.layer?.map((name) => (/^-?\d+$/.test(name) ? Number(name) : name));
const options = {
  ...(layer === undefined ? {} : { layer: layer.length === 1 ? layer[0] : layer }),
  ...(values.method === undefined ? {} : { method: values.method }),
};

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/** What each photo looks like to a model: detections, map, milliseconds of the passes. */
async function look(path) {
  const detector = await loadDetector(path);
  const seen = [];
  for (const photo of photos) {
    const image = await decodeImage(photo);
    const runs = [];
    for (let i = -1; i < Number(values.repeats); i++) runs.push(await detector.explain(image, options));
    const of = (name) => median(runs.slice(1).map(({ timings }) => timings[name]));
    const { detections, heatmap } = runs[0];
    seen.push({ detections, map: heatmap.data, forward: of("forward"), backward: of("backward") });
  }
  await detector.dispose();
  return seen;
}

function iou(a, b) {
  const side = (low, high) => Math.max(0, Math.min(a[high], b[high]) - Math.max(a[low], b[low]));
  const area = (box) => (box.x2 - box.x1) * (box.y2 - box.y1);
  const both = side("x1", "x2") * side("y1", "y2");
  return both / (area(a) + area(b) - both);
}

/** Pairs of detections of one class whose boxes overlap by half, each used once. */
function inCommon(reference, others) {
  const left = [...others];
  let count = 0;
  for (const found of reference) {
    const at = left.findIndex((one) => one.classIndex === found.classIndex && iou(one.boxImage, found.boxImage) >= 0.5);
    if (at >= 0) left.splice(at, 1);
    if (at >= 0) count++;
  }
  return count;
}

/** Largest and mean absolute difference of maps in 0..1, their correlation, and the overlap of their hottest tenths. */
function distance(a, b) {
  let [most, sum, ma, mb] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const off = Math.abs(a[i] - b[i]);
    most = Math.max(most, off);
    sum += off;
    ma += a[i] / a.length;
    mb += b[i] / a.length;
  }
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return { most, mean: sum / a.length, correlation: ab / Math.sqrt(aa * bb), overlap: overlapOfHottest(a, b) };
}

function overlapOfHottest(a, b) {
  const [ta, tb] = [a, b].map((map) => map.toSorted()[Math.floor(0.9 * map.length)]);
  let [both, either] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const [hotA, hotB] = [a[i] > ta, b[i] > tb];
    if (hotA && hotB) both++;
    if (hotA || hotB) either++;
  }
  return both / either;
}

const rounded = (value) => Number(value.toFixed(3));

/** How one model sees one photo, beside how the first does. */
function compared(path, i) {
  const [base, found] = [seen.get(models[0])[i], seen.get(path)[i]];
  const isEmpty = base.detections.length === 0 || found.detections.length === 0;
  const maps = path === models[0] || isEmpty ? undefined : distance(base.map, found.map);
  return {
    model: basename(path),
    photo: basename(photos[i]),
    detections: found.detections.length,
    inCommon: inCommon(base.detections, found.detections),
    ...(maps && Object.fromEntries(Object.entries(maps).map(([name, value]) => [name, rounded(value)]))),
    forwardMs: rounded(found.forward),
    backwardMs: rounded(found.backward ?? 0),
  };
}

const seen = new Map();
for (const path of models) seen.set(path, await look(path));
const rows = models.flatMap((path) => photos.map((_, i) => compared(path, i)));
const line = (...cells) => console.log(`| ${cells.join(" | ")} |`);
line(
  "model",
  "photo",
  "detections",
  "in common",
  "max",
  "mean",
  "correlation",
  "IoU of the top 10 %",
  "forward ms",
  "backward ms",
);
line(...Array(10).fill("---"));
for (const { model, photo, detections, forwardMs, backwardMs, ...row } of rows) {
  const numbers = [row.most, row.mean, row.correlation, row.overlap].map((value) => value?.toFixed(3) ?? "");
  line(model, photo, detections, row.inCommon, ...numbers, forwardMs.toFixed(0), backwardMs.toFixed(0));
}
const file = values.out ?? (given.length > 0 ? undefined : join(root, "bench/results/precision.json"));
if (file !== undefined) {
  const date = new Date().toISOString().slice(0, 10);
  const machine = { node: process.version, threads: availableParallelism(), cpu: cpus()[0]?.model };
  const asked = { method: values.method ?? "default", layer: values.layer ?? "auto", repeats: Number(values.repeats) };
  writeFileSync(file, `${JSON.stringify({ date, ...machine, ...asked, rows }, null, 2)}\n`);
  console.log(`\nSaved to ${file}`);
}
