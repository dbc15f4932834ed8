// Compares Whybox with numbers measured on the Python reference, case by case, from the reference's own letterboxed input.
//   node scripts/check-reference.mjs FOLDER   (with models/, inputs/, cases/ as the reference's README describes them)
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createDetector, createOrtPort } from "@whybox/core";
import * as ort from "onnxruntime-node";
import { decodeImage } from "whybox";

const folder = process.argv[2];
if (folder === undefined) {
  console.error("Usage: node scripts/check-reference.mjs FOLDER");
  process.exit(2);
}
const items = {
  class: "class",
  confidence: "confidence",
  class_confidence: "class_confidence",
  x_c: "x_c",
  y_c: "y_c",
  h: "w",
  w: "h",
};
const port = createOrtPort(ort);
const detector = createDetector(readFileSync(join(folder, "models/yolov5s-dynamic.onnx")), port, { threads: 2 });
let failed = 0;

for (const id of readdirSync(join(folder, "cases"))) {
  const found = JSON.parse(readFileSync(join(folder, "cases", id, "case.json"), "utf8"));
  const skip = whySkipped(found);
  if (skip) {
    console.log(`${id.padEnd(44)} skipped: ${skip}`);
    continue;
  }
  const image = await decodeImage(join(folder, found.input, "letterboxed.png"));
  const layer = found.layer;
  const result = await detector.explain(image, {
    layer,
    classNames: found.class_names,
    // The reference's h is the width and its w the height.
    backprop: found.backprop_array.flatMap((item) => items[item] ?? []),
    backwardPerClass: found.backward_per_class,
  });
  const cam = readHalfs(join(folder, "cases", id, "cam.npy"));
  let worst = 0;
  for (let i = 0; i < cam.length; i++) worst = Math.max(worst, Math.abs(cam[i] - result.heatmapInput.data[i]));
  const scores = result.scores.map((score, i) => Math.abs(score.value - (found.sub_cams[i]?.score_f64 ?? Number.NaN)));
  const ok = worst <= 1e-3 && cam.length === result.heatmapInput.data.length;
  if (!ok) failed++;
  console.log(
    `${id.padEnd(44)} ${ok ? "ok    " : "FAILED"} cam ${worst.toExponential(1)} score ${scores.map((d) => d.toExponential(1)).join(" ")}`,
  );
}
await detector.dispose();
console.log(failed === 0 ? "All cases hold." : `${failed} cases fail.`);
process.exitCode = failed === 0 ? 0 : 1;

function whySkipped(found) {
  if (found.status !== "ok") return `the reference's status is ${found.status}`;
  if (found.method !== "GradCAM") return `method ${found.method}`;
  if (found.keep_only_topk !== 100 || found.crop) return "options that come with another issue";
  if (found.imgsz[0] !== 640) return "boxes from 640, score at another size: a habit that Whybox does not have";
  if (found.backward_per_class && new Set(found.detected_classes).size < found.detected_classes.length)
    return "the reference counts classes by boxes";
  return undefined;
}

function readHalfs(path) {
  const bytes = readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  const halfs = new Uint16Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
  return Float32Array.from(halfs, (half) => {
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const value = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    return half & 0x8000 ? -value : value;
  });
}
