// Explains an image in the browser: the engine and ONNX Runtime's WebAssembly, without a server.
import { createDetector, createOrtPort, renderOverlay, WhyboxError } from "@whybox/core";
import * as ort from "onnxruntime-web/wasm";

const [model, image] = ["model", "image"].map((id) => document.getElementById(id));
const status = document.getElementById("status");
const canvas = document.getElementById("overlay");

// Threads need a page that is isolated from other origins (COOP and COEP headers).
ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;

let detector;

model.addEventListener("change", () => attempt(load));
image.addEventListener("change", () => attempt(explain));

/** One thing after the other, and a message when it fails. */
let queue = Promise.resolve();
function attempt(step) {
  queue = queue.then(step).catch((error) => {
    status.textContent = error instanceof WhyboxError ? error.message : `A bug: ${error}`;
  });
}

async function load() {
  status.textContent = "Loading the model …";
  await detector?.dispose();
  detector = undefined;
  const bytes = new Uint8Array(await model.files[0].arrayBuffer());
  detector = await createDetector(bytes, createOrtPort(ort), { executionProviders: ["wasm"] });
  status.textContent = "The model is ready.";
  if (image.files.length > 0) await explain();
}

async function explain() {
  if (detector === undefined) return;
  status.textContent = "Explaining …";
  const pixels = await pixelsOf(image.files[0]);
  const { detections, heatmap, empty } = await detector.explain(pixels);
  show(renderOverlay(pixels, heatmap, { detections }));
  status.textContent = empty?.message ?? `${detections.length} detections: ${countClasses(detections)}`;
}

function countClasses(detections) {
  const counts = Map.groupBy(detections, ({ className }) => className);
  return [...counts].map(([name, found]) => `${found.length} × ${name}`).join(", ");
}

/** RGB pixels of an image file, as the browser decodes it. */
async function pixelsOf(file) {
  const bitmap = await createImageBitmap(file);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data.set(rgba.subarray(i * 4, i * 4 + 3), i * 3);
  return { width, height, data };
}

function show({ width, height, data }) {
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) rgba.set(data.subarray(i * 3, i * 3 + 3), i * 4);
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
}
