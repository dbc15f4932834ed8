// Explains many detections once, in a process of its own whose memory is measured: node bench/memory.mjs CHECKOUT METHOD COUNT
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readHeatmaps } from "./measure.mjs";
import { many } from "./parts/calls.mjs";

const [root, method, count] = process.argv.slice(2);
const { loadDetector } = await import(pathToFileURL(join(root, "packages/node/dist/index.js")).href);
const detector = await loadDetector("yolov5s");
const photo = join(import.meta.dirname, "../fixtures/photos/dog.jpg");
const result = await detector.explain(photo, { method, per: "detection", ...many(Number(count)) });
if (result.maps.length !== Number(count))
  throw new Error(`Explained ${result.maps.length} detections. Expected ${count}.`);
readHeatmaps(result);
await detector.dispose();
