// Explains an image in the browser, without a server: the engine runs in a worker, on WebGPU or WebAssembly.
import { drawHeatmap, loadDetector, WhyboxError } from "@whybox/browser";

const [model, image] = ["model", "image"].map((id) => document.getElementById(id));
const status = document.getElementById("status");
const canvas = document.getElementById("overlay");

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
  detector = await loadDetector(model.files[0]);
  status.textContent = "The model is ready.";
  if (image.files.length > 0) await explain();
}

async function explain() {
  if (detector === undefined) return;
  status.textContent = "Explaining …";
  const result = await detector.explain(image.files[0]);
  const photo = await createImageBitmap(image.files[0]);
  canvas.width = photo.width;
  canvas.height = photo.height;
  // drawHeatmap reads the pixels and writes them.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(photo, 0, 0);
  drawHeatmap(context, result);
  const { detections, empty } = result;
  status.textContent = empty?.message ?? `${detections.length} detections: ${countClasses(detections)}`;
}

function countClasses(detections) {
  const counts = Map.groupBy(detections, ({ className }) => className);
  return [...counts].map(([name, found]) => `${found.length} × ${name}`).join(", ");
}
