// Explains an image with a heatmap method of your own.
//   node explain.js IMAGE [MODEL]
import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-node";
import { createDetector, createOrtPort, decodeImage, defaultMethods, resolveWeights } from "whybox";

/**
 * Activation times gradient, positive values only: the cells that raise the score by what they hold.
 * @type {import("whybox").CamMethod<"activations" | "gradients">}
 */
export const positiveEvidence = {
  id: "PositiveEvidence",
  title: "Positive evidence",
  paper: "an example",
  needs: ["activations", "gradients"], // Whybox computes nothing else
  map({ activations, gradients }) {
    const [channels, height, width] = activations.dims;
    const data = new Float32Array(height * width);
    for (let i = 0; i < channels * data.length; i++) {
      data[i % data.length] += Math.max(0, activations.data[i] * gradients.data[i]);
    }
    return { height, width, data }; // Whybox scales it and resizes it to the image
  },
};

const [image, weights = "yolov5s"] = process.argv.slice(2);
if (image === undefined) {
  console.error("Usage: node explain.js IMAGE [MODEL]");
  process.exit(2);
}

const { path } = await resolveWeights(weights);
const detector = await createDetector(await readFile(path), createOrtPort(ort), {
  methods: [...defaultMethods, positiveEvidence],
});
const pixels = await decodeImage(image);
for (const method of ["GradCAM", "PositiveEvidence"]) {
  const { heatmap, detections } = await detector.explain(pixels, { method });
  const { width, data } = heatmap;
  const peak = data.indexOf(data.reduce((a, b) => Math.max(a, b)));
  console.log(`${method}: ${detections.length} detections, hottest at ${peak % width}, ${Math.floor(peak / width)}`);
}
await detector.dispose();
