// Explains a score of your own: what made the box wide, and not high?
//   node explain.js IMAGE [MODEL]
import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-node";
import { createDetector, createOrtPort, decodeImage, defaultScores, resolveWeights } from "whybox";

/**
 * The logarithm of width by height. Arithmetic on the tape carries the gradient. A row of the predictions starts with x, y, width
 * and height of the box.
 * @type {import("whybox").Score}
 */
export const aspectScore = {
  id: "aspect",
  title: "Width by height",
  of: ({ tape, at }, { row }) => tape.sub(tape.log(at(row, 2)), tape.log(at(row, 3))),
};

const [image, weights = "yolov5s"] = process.argv.slice(2);
if (image === undefined) {
  console.error("Usage: node explain.js IMAGE [MODEL]");
  process.exit(2);
}

const { path } = await resolveWeights(weights);
const detector = await createDetector(await readFile(path), createOrtPort(ort), {
  scores: [...defaultScores, aspectScore],
});
const { detections, maps, scores } = await detector.explain(await decodeImage(image), {
  backprop: ["aspect"],
  per: "detection",
  maxDetections: 5,
});
for (const { detections: about, className, maximum } of maps) {
  const { x1, y1, x2, y2 } = detections[about[0]].boxImage;
  console.log(`${className}: ${Math.round(x2 - x1)} × ${Math.round(y2 - y1)}, heat ${maximum.toExponential(1)}`);
}
console.log(`Sum of the scores: ${scores[0].value.toFixed(3)}`);
await detector.dispose();
