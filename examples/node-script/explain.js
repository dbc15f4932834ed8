// Explains each image of a folder: an overlay, a contact sheet and JSON for each image, and a summary here.
//   node explain.js FOLDER [MODEL]
import { explainFiles } from "whybox";

const [source, weights = "yolov5s"] = process.argv.slice(2);
if (source === undefined) {
  console.error("Usage: node explain.js FOLDER [MODEL]");
  process.exit(2);
}

const { folder, results, failures } = await explainFiles({
  source,
  weights,
  per: "detection", // a heatmap for each detection
  layer: "auto", // read at the layers that suit it
  maxDetections: 5,
});

for (const { image, detections, maps } of results) {
  console.log(`${image.source}: ${detections.length} detections`);
  for (const { detections: about, className, maximum } of maps) {
    const { confidence } = detections[about[0]];
    console.log(`  ${className} ${confidence.toFixed(2)}${maximum > 0 ? "" : ": the heatmap is empty"}`);
  }
}
// An image that cannot be read does not stop the others.
for (const { source, error } of failures) console.error(`${source}: ${error.message}`);
console.log(`Results: ${folder}`);
