// Measures how faithful maps are: does the network lose the detection when the hottest pixels go, and find it again when they come back?
//   npm run bench:faithfulness                         the committed photos, three views of each; saves bench/results/faithfulness.json
//   npm run bench:faithfulness -- photo.jpg folder     other photos, as they are; nothing is saved unless --out names a file
//   --views as-is,mirrored,half   --rows tap-fusion,gaussian   --out file.json
// docs/faithfulness.md says what the columns mean and what they do not show.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import * as ort from "onnxruntime-node";
import {
  createDetector,
  createOrtPort,
  curveArea,
  decodeImage,
  energyInBox,
  gaussianAtBox,
  letterbox,
  meanInterval,
  perturbationCurve,
  perturbationFractions,
  planLetterbox,
  pointingGame,
  resolveWeights,
  stillDetected,
} from "whybox";

const GREY = 114;
const BLUR_SIGMA = 20;
const FRACTIONS = perturbationFractions(10);
/** Every row of a detection before NMS that the network gives at least a hundredth. */
const ALL_ROWS = { confidence: 0.01, iou: 1, maxDetections: 30_000 };
const EXPLAINED = { per: "detection", maxDetections: 3, confidence: 0.5 };

/** What is compared: explanations through the public API, and maps that no network is needed for. */
const row = { backprop: ["row"] };
const ROWS = {
  "tap-fusion": { method: "tap-fusion" },
  "tap-fusion-fast": { method: "tap-fusion-fast" },
  "LayerCAM, auto": { method: "LayerCAM", ...row },
  "HiResCAM, auto": { method: "HiResCAM", ...row },
  "LayerCAM, stage 2": { method: "LayerCAM", layer: 4, ...row },
  "LayerCAM, stage 3": { method: "LayerCAM", layer: 6, ...row },
  "LayerCAM, SPPF": { method: "LayerCAM", layer: 9, ...row },
  "HiResCAM, SPPF": { method: "HiResCAM", layer: 9, ...row },
  "LayerCAM, neck": { method: "LayerCAM", layer: 13, ...row },
  "HiResCAM, neck": { method: "HiResCAM", layer: 13, ...row },
  "GradCAM, own level": { method: "GradCAM", ...row },
  ODAM: { method: "ODAM" },
  "SSGrad-CAM": { method: "SSGrad-CAM", ...row },
  RandomCAM: { method: "RandomCAM" },
  gaussian: ({ height, width }, box) => gaussianAtBox(height, width, box),
  uniform: ({ height, width }) => ({ height, width, data: new Float32Array(height * width).fill(1) }),
  random: randomPixels,
};
const REFERENCES = ["gaussian", "GradCAM, own level"];

const root = resolve(import.meta.dirname, "..");
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { views: { type: "string" }, rows: { type: "string" }, out: { type: "string" } },
});
const committed = positionals.length === 0;
const photos = (committed ? [join(root, "fixtures/photos")] : positionals).flatMap((path) =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => /\.(jpe?g|png)$/i.test(name))
        .map((name) => join(path, name))
    : [path],
);
const VIEWS = { "as-is": (image) => image, mirrored, half };
const views = (flags.views ?? (committed ? "as-is,mirrored,half" : "as-is")).split(",");
const rowNames = flags.rows?.split(/,(?! )/) ?? Object.keys(ROWS);
for (const name of views) if (!VIEWS[name]) throw new Error(`No view "${name}": ${Object.keys(VIEWS).join(", ")}`);
for (const name of rowNames) if (!ROWS[name]) throw new Error(`No row "${name}": ${Object.keys(ROWS).join("; ")}`);

const { path } = await resolveWeights("yolov5s");
const detector = await createDetector(readFileSync(path), createOrtPort(ort));
const cases = [];
for (const photo of photos) {
  const image = fitted(await decodeImage(photo));
  for (const view of views) cases.push(...(await measureImage(VIEWS[view](image), basename(photo), view)));
  console.error(`${basename(photo)}: ${cases.length} detections so far`);
}
await detector.dispose();

const report = summarise(cases);
print(report);
const out =
  flags.out ?? (committed && !flags.rows && !flags.views ? join(root, "bench/results/faithfulness.json") : undefined);
if (out) writeFileSync(out, `${JSON.stringify(report, null, 2)}\n`);

/** Every row's numbers for the detections of one image that is as large as the network's input, padding left out. */
async function measureImage(image, photo, view) {
  const { detections } = await detector.detect(image, EXPLAINED);
  const blurred = blur(image);
  const everywhere = { ...image, data: new Uint8Array(image.data.length).fill(GREY) };
  const found = { sharp: await rowsOf(image), blurred: await rowsOf(blurred), grey: await rowsOf(everywhere) };
  const measured = detections.map((detection) => ({ ...described(detection, image, photo, view), rows: {} }));
  for (const name of rowNames) {
    const maps = await mapsOf(ROWS[name], image, detections);
    for (const [i, detection] of detections.entries()) {
      const target = { box: detection.boxImage, classIndex: detection.classIndex };
      const before = stillDetected(target, found.sharp);
      const run = async (from, to, ends) => {
        const curve = await perturbationCurve(maps[i], FRACTIONS, async (chosen, fraction) => {
          const rows = ends[fraction] ?? (await rowsOf(replaced(from, to, chosen)));
          return stillDetected(target, rows) / before;
        });
        return curveArea(curve);
      };
      const deletion = await run(image, everywhere, { 0: found.sharp, 1: found.grey });
      const insertion = await run(blurred, image, { 0: found.blurred, 1: found.sharp });
      const { energy, area } = energyInBox(maps[i], detection.boxImage);
      const pointing = pointingGame(maps[i], detection.boxImage);
      measured[i].rows[name] = { overAll: insertion - deletion, insertion, deletion, energy, area, pointing };
    }
  }
  return measured;
}

async function mapsOf(what, image, detections) {
  if (typeof what === "function") return detections.map((detection) => what(image, detection.boxImage));
  const { maps } = await detector.explain(image, { ...EXPLAINED, ...what });
  // A method that gives nothing for a detection is measured as a map without heat.
  return detections.map(
    (detection) =>
      maps.find((map) => map.detections.includes(detection.index))?.heatmap ?? {
        height: image.height,
        width: image.width,
        data: new Float32Array(image.height * image.width),
      },
  );
}

async function rowsOf(image) {
  const { detections } = await detector.detect(image, ALL_ROWS);
  return detections.map(({ boxImage, classIndex, confidence }) => ({ box: boxImage, classIndex, confidence }));
}

function described({ className, confidence, levelName, boxImage: box }, { height, width }, photo, view) {
  const share = ((box.x2 - box.x1) * (box.y2 - box.y1)) / (height * width);
  const size = share < 0.04 ? "small" : share < 0.16 ? "medium" : "large";
  return { photo, view, className, confidence: rounded(confidence), level: levelName, share: rounded(share), size };
}

/** The photo at the size that the network sees, without padding: what is changed there are the network's own pixels. */
function fitted(image) {
  const plan = planLetterbox([image.height, image.width], { size: [640, 640], stride: 32, fixed: false });
  const planes = letterbox(image, plan);
  const [height, width] = plan.contentSize;
  const [inputH, inputW] = plan.inputSize;
  const data = new Uint8Array(height * width * 3);
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / 3);
    const y = Math.floor(pixel / width) + plan.padTop;
    data[i] = Math.round(255 * planes[(i % 3) * inputH * inputW + y * inputW + (pixel % width) + plan.padLeft]);
  }
  return { height, width, data };
}

function mirrored({ height, width, data }) {
  const flipped = data.map((_, i) => {
    const pixel = Math.floor(i / 3);
    const x = pixel % width;
    return data[(pixel - x + width - 1 - x) * 3 + (i % 3)];
  });
  return { height, width, data: flipped };
}

/** At half its size in the middle of grey: the same objects, smaller. */
function half(image) {
  const { height, width } = image;
  const data = new Uint8Array(height * width * 3).fill(GREY);
  const small = [Math.floor(height / 2), Math.floor(width / 2)];
  const [top, left] = [Math.floor((height - small[0]) / 2), Math.floor((width - small[1]) / 2)];
  for (let y = 0; y < small[0]; y++) {
    for (let x = 0; x < small[1] * 3; x++) {
      const at = 2 * y * width * 3 + 2 * (x - (x % 3)) + (x % 3);
      const sum = [0, 3, width * 3, width * 3 + 3].reduce((total, step) => total + image.data[at + step], 0);
      data[((y + top) * width + left) * 3 + x] = Math.round(sum / 4);
    }
  }
  return { height, width, data };
}

function replaced(from, to, chosen) {
  const data = Uint8Array.from(from.data);
  for (let i = 0; i < chosen.length; i++) {
    if (chosen[i]) data.set(to.data.subarray(3 * i, 3 * i + 3), 3 * i);
  }
  return { ...from, data };
}

/** Gaussian blur, edges repeated. */
function blur({ height, width, data }) {
  const radius = Math.ceil(3 * BLUR_SIGMA);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-0.5 * ((i - radius) / BLUR_SIGMA) ** 2));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const along = (from, count, step, lines) => {
    const to = new Float32Array(from.length);
    for (const start of lines) {
      for (let i = 0; i < count; i++) {
        let sum = 0;
        for (let k = -radius; k <= radius; k++) {
          sum += weights[k + radius] * from[start + Math.min(Math.max(i + k, 0), count - 1) * step];
        }
        to[start + i * step] = sum / total;
      }
    }
    return to;
  };
  const rows = Array.from({ length: height * 3 }, (_, i) => Math.floor(i / 3) * width * 3 + (i % 3));
  const columns = Array.from({ length: width * 3 }, (_, i) => i);
  const across = along(Float32Array.from(data), width, 3, rows);
  return { height, width, data: Uint8Array.from(along(across, height, width * 3, columns), Math.round) };
}

/** Independent pixels, the same in every run (a linear congruential generator's upper bits). */
function randomPixels({ height, width }) {
  let state = 1;
  const data = Float32Array.from({ length: height * width }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  });
  return { height, width, data };
}

function summarise(all) {
  const groups = all.map(({ photo }) => photo);
  const interval = (values) => {
    const { mean, low, high } = meanInterval(values, { groups });
    return { mean: rounded(mean), low: rounded(low), high: rounded(high) };
  };
  const values = (name, key, some = all) => some.map(({ rows }) => rows[name][key]);
  const average = (list) =>
    list.length === 0 ? null : rounded(list.reduce((sum, value) => sum + value, 0) / list.length);
  const strata = [
    ...["small", "medium", "large"].map((size) => ["size", size]),
    ...["P3", "P4", "P5"].map((p) => ["level", p]),
  ];
  const rows = rowNames.map((name) => ({
    name,
    ...Object.fromEntries(
      ["insertion", "deletion", "energy", "pointing"].map((key) => [key, average(values(name, key))]),
    ),
    overAll: interval(values(name, "overAll")),
    against: Object.fromEntries(
      REFERENCES.filter((reference) => reference !== name && rowNames.includes(reference)).map((reference) => {
        const others = values(reference, "overAll");
        const differences = values(name, "overAll").map((value, i) => value - others[i]);
        return [reference, { ...interval(differences), better: differences.filter((value) => value > 0).length }];
      }),
    ),
    strata: Object.fromEntries(
      strata.map(([key, value]) => [
        value,
        average(
          values(
            name,
            "overAll",
            all.filter((one) => one[key] === value),
          ),
        ),
      ]),
    ),
  }));
  const count = (key) => tally(all.map((one) => one[key]));
  return {
    model: "yolov5s, 640",
    sample: {
      detections: all.length,
      photos: new Set(groups).size,
      views: count("view"),
      sizes: count("size"),
      levels: count("level"),
      area: average(all.map(({ share }) => share)),
    },
    protocol: {
      fractions: FRACTIONS.map(rounded),
      deletion: `grey ${GREY}`,
      insertion: `Gaussian blur, sigma ${BLUR_SIGMA}`,
    },
    rows,
    cases: all.map(({ rows: measured, ...one }) => ({
      ...one,
      overAll: Object.fromEntries(rowNames.map((name) => [name, rounded(measured[name].overAll)])),
    })),
  };
}

function print({ sample, rows }) {
  const text = (value) => (value === null ? "–" : value.toFixed(3));
  const between = (found) =>
    found === undefined ? "–" : `${text(found.mean)} [${text(found.low)}, ${text(found.high)}] (${found.better})`;
  const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
  console.log(`\n${JSON.stringify(sample)}\n`);
  line([
    "map",
    "OA [95 %]",
    "Ins",
    "Del",
    "energy in box",
    "pointing",
    "OA − Gaussian [95 %] (better)",
    "OA − own-level GradCAM [95 %] (better)",
  ]);
  line(Array(8).fill("---"));
  for (const { name, overAll, insertion, deletion, energy, pointing, against } of rows) {
    const own = `${text(overAll.mean)} [${text(overAll.low)}, ${text(overAll.high)}]`;
    line([
      name,
      own,
      ...[insertion, deletion, energy, pointing].map(text),
      ...REFERENCES.map((one) => between(against[one])),
    ]);
  }
  console.log("");
  const strata = Object.keys(rows[0].strata);
  line(["OA by stratum", ...strata]);
  line(Array(strata.length + 1).fill("---"));
  for (const { name, strata: found } of rows) line([name, ...strata.map((key) => text(found[key]))]);
}

function tally(names) {
  const counts = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function rounded(value) {
  return Math.round(value * 10_000) / 10_000;
}
