// Holds that YOLOv5s says the same whatever file it comes in: TF.js (npm), ONNX, and the checkpoint. Detections and heatmaps are compared.
//   node scripts/check-formats.mjs FOLDER   (with models/yolov5s-dynamic.onnx and models/yolov5s.pt)
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeImage, loadDetector } from "whybox";

const folder = process.argv[2];
if (folder === undefined) {
  console.error("Usage: node scripts/check-formats.mjs FOLDER");
  process.exit(2);
}
/** Largest difference of a confidence (0..1), a box (over the image's larger side) and a heatmap (0..1). */
const TOLERANCE = 1e-4;
const photos = ["dog.jpg", "chelsea.png", "coffee.png"];
const questions = [
  { name: "GradCAM, layer -2", method: "GradCAM", layer: -2 },
  { name: "GradCAM, layer 17", method: "GradCAM", layer: 17 },
  { name: "GradCAM, layer auto", method: "GradCAM" },
  { name: "tap-fusion, per detection", method: "tap-fusion", per: "detection" },
];
const files = {
  onnx: join(folder, "models/yolov5s-dynamic.onnx"),
  tfjs: "yolov5s",
  pt: join(folder, "models/yolov5s.pt"),
};
const detectors = {};
for (const [format, file] of Object.entries(files)) {
  detectors[format] = await loadDetector(file);
  const { source, bytes, sha256 } = detectors[format].report;
  console.log(`${format.padEnd(4)} ${source}, ${bytes} bytes, SHA-256 ${sha256.slice(0, 12)}`);
}

const largest = {};
let compared = 0;
for (const photo of photos) {
  const image = await decodeImage(fileURLToPath(new URL(`../fixtures/photos/${photo}`, import.meta.url)));
  const side = Math.max(image.width, image.height);
  for (const { name, ...options } of questions) {
    const answers = {};
    for (const [format, detector] of Object.entries(detectors))
      answers[format] = await detector.explain(image, { ...options, confidence: 0.1 });
    const { onnx, ...others } = answers;
    for (const [format, answer] of Object.entries(others)) {
      const found = differences(onnx, answer, side);
      compared++;
      for (const [what, value] of Object.entries(found)) {
        const key = `${format} ${what}`;
        // Infinity stays, and NaN counts as such: neither is ever within the tolerance.
        largest[key] = Math.max(largest[key] ?? 0, Number.isNaN(value) ? Number.POSITIVE_INFINITY : value);
      }
      const numbers = Object.entries(found).map(([what, value]) => `${what} ${value.toExponential(1)}`);
      console.log(
        `${photo.padEnd(12)} ${name.padEnd(26)} ${format.padEnd(4)} / onnx  ${answer.detections.length} found  ${numbers.join("  ")}`,
      );
    }
  }
}
for (const detector of Object.values(detectors)) await detector.dispose();

console.log(`\nLargest of ${compared} comparisons with the ONNX file:`);
for (const [what, value] of Object.entries(largest)) console.log(`  ${what.padEnd(18)} ${value.toExponential(1)}`);
const holds = Object.values(largest).every((value) => value <= TOLERANCE);
console.log(holds ? `All within ${TOLERANCE}.` : `Past ${TOLERANCE}.`);
process.exitCode = holds ? 0 : 1;

/** Infinity where not even the number of detections, their classes or the maps' sizes agree. */
function differences(wanted, found, side) {
  const pairs = wanted.detections.map((one, i) => [one, found.detections[i]]);
  const sameClasses = pairs.every(([one, other]) => one.classIndex === other?.classIndex);
  if (!sameClasses || wanted.detections.length !== found.detections.length) {
    return { confidence: Number.POSITIVE_INFINITY, box: Number.POSITIVE_INFINITY, heatmap: Number.POSITIVE_INFINITY };
  }
  const boxes = pairs.flatMap(([one, other]) =>
    ["x1", "y1", "x2", "y2"].map((corner) => Math.abs(one.boxImage[corner] - other.boxImage[corner]) / side),
  );
  const maps = [[wanted.heatmap, found.heatmap], ...wanted.maps.map((map, i) => [map.heatmap, found.maps[i]?.heatmap])];
  return {
    confidence: Math.max(0, ...pairs.map(([one, other]) => Math.abs(one.confidence - other.confidence))),
    box: Math.max(0, ...boxes),
    heatmap: Math.max(...maps.map(([one, other]) => mapDifference(one, other))),
  };
}

function mapDifference(one, other) {
  if (other === undefined || other.data.length !== one.data.length) return Number.POSITIVE_INFINITY;
  return one.data.reduce((most, value, i) => Math.max(most, Math.abs(value - other.data[i])), 0);
}
