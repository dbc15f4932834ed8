// Compares Whybox with numbers measured on the Python reference, case by case, from the reference's own letterboxed input.
//   node scripts/check-reference.mjs FOLDER   (with models/, inputs/, cases/ as the reference's README describes them)
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createDetector, createOrtPort, defaultMethods } from "@whybox/core";
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
const names = { GradCAMPlusPlus: "GradCAM++", KPCA_CAM: "KPCA-CAM" };
const name = (method) => names[method] ?? method;
/** LAPACK's sign is arbitrary: a case may equal the method's map or its negative. */
const negative = (method) => ({
  ...method,
  id: `${method.id} (negative)`,
  aliases: [],
  map: async (evidence) => {
    const { height, width, data } = await method.map(evidence);
    return { height, width, data: data.map((value) => -value) };
  },
});
const methods = [...defaultMethods, ...defaultMethods.map(negative)];
const port = createOrtPort(ort);
const model = readFileSync(join(folder, "models/yolov5s-dynamic.onnx"));
const detector = await createDetector(model, port, { threads: 2, methods });
let failed = 0;

for (const [kind, id] of ["cases", "cases_head"].flatMap((kind) =>
  readdirSync(join(folder, kind)).map((id) => [kind, id]),
)) {
  const found = caseOf(kind, id);
  const skip = whySkipped(found);
  if (skip) {
    console.log(`${id.padEnd(44)} skipped: ${skip}`);
    continue;
  }
  const image = await decodeImage(join(folder, found.input, "letterboxed.png"));
  const layer = found.layer;
  const cam = readHalfs(join(folder, kind, id, "cam.npy"));
  const own = methods.find((one) => one.id === name(found.method));
  const options = {
    ...(own?.reads ? {} : { layer }),
    classNames: found.class_names ?? [],
    // The reference's h is the width and its w the height.
    backprop: (found.backprop_array ?? []).flatMap((item) => items[item] ?? []),
    backwardPerClass: found.backward_per_class ?? false,
    keepTopPercent: found.keep_only_topk ?? 100,
    compat: own?.hasCompat ?? false,
  };
  if (options.backprop.length === 0) options.backprop = ["class"];
  const tries = [];
  for (const method of [name(found.method), `${name(found.method)} (negative)`]) {
    const result = await detector.explain(image, { ...options, method });
    const worst = cam.reduce((most, value, i) => Math.max(most, Math.abs(value - result.heatmapInput.data[i])), 0);
    tries.push({ method, worst, result });
    if (worst <= 1e-3) break;
  }
  const { method, worst, result } = tries.toSorted((a, b) => a.worst - b.worst)[0];
  const scores = result.scores.flatMap(({ value }, i) => {
    // Methods without a gradient have no score in the reference.
    const expected = found.sub_cams?.[i]?.score_f64 ?? found.scores?.[i];
    return expected === undefined ? [] : [Math.abs(value - Number(expected)).toExponential(1)];
  });
  const ok = worst <= 1e-3 && cam.length === result.heatmapInput.data.length;
  if (!ok) failed++;
  console.log(
    `${id.padEnd(44)} ${ok ? "ok    " : "FAILED"} cam ${worst.toExponential(1)} score ${scores.join(" ") || "none"}${method.includes("neg") ? " (negative)" : ""}`,
  );
}
await detector.dispose();
console.log(failed === 0 ? "All cases hold." : `${failed} cases fail.`);
process.exitCode = failed === 0 ? 0 : 1;

/** The cases of HEAD tell their method and layers by their name alone: "bus-KPCA_CAM-L17". */
function caseOf(kind, id) {
  const found = JSON.parse(readFileSync(join(folder, kind, id, "case.json"), "utf8"));
  if (found.method !== undefined) return found;
  const [stem, method, layers] = id.split("-");
  const layer = /^L?\d/.test(layers)
    ? id.split("-").flatMap((part) => (/^L?\d+$/.test(part) ? [Number(part.replace("L", ""))] : []))
    : [-2];
  const input = { bus: "inputs/bus_480x640", dog: "inputs/dog_640x480", zidane: "inputs/zidane_640x384" }[stem];
  return { ...found, method, layer, input };
}

function whySkipped(found) {
  if (found.status !== undefined && found.status !== "ok") return `the reference's status is ${found.status}`;
  if (!methods.some((method) => method.id === name(found.method))) return `there is no method ${found.method}`;
  if (found.id.startsWith("grass")) return "nothing is detected: Whybox has no map to show then";
  if (found.id.endsWith("-GradCAM") && found.method === "RefineCAM") return "RefineCAM is on GradCAM++, its default";
  if (found.crop) return "crop changes the image, not the map";
  if (found.imgsz !== undefined && found.imgsz[0] !== 640)
    return "boxes from 640, score at another size: a habit that Whybox does not have";
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
