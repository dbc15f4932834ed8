// Makes the images of the README with the tool itself: node scripts/make-images.mjs
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { decodeImage, loadDetector, renderOverlay } from "whybox";

const root = resolve(import.meta.dirname, "..");
const image = await decodeImage(join(root, "fixtures/photos/dog.jpg"));
const detector = await loadDetector("yolov5s");
const width = 480;
const tiles = [];
for (const name of ["dog", "bicycle", "truck"]) {
  const { heatmap, detections, explained } = await detector.explain(image, { classNames: [name] });
  const options = { colormap: "turbo", opacity: 0.5, boxes: true, labels: true, sideBySide: false };
  const drawn = renderOverlay(image, heatmap, { ...options, detections: explained.map((index) => detections[index]) });
  const raw = { width: drawn.width, height: drawn.height, channels: 3 };
  tiles.push(await sharp(drawn.data, { raw }).resize(width).png().toBuffer({ resolveWithObject: true }));
}
await detector.dispose();
const gap = 8;
const height = tiles[0].info.height;
mkdirSync(join(root, "docs/images"), { recursive: true });
await sharp({ create: { width: tiles.length * (width + gap) - gap, height, channels: 3, background: "#ffffff" } })
  .composite(tiles.map(({ data }, i) => ({ input: data, left: i * (width + gap), top: 0 })))
  .jpeg({ quality: 88 })
  .toFile(join(root, "docs/images/dog.jpg"));
