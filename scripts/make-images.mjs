// Makes the image of the README with the tool itself: node scripts/make-images.mjs
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { decodeImage, loadDetector, renderOverlay } from "whybox";

const root = resolve(import.meta.dirname, "..");
const image = await decodeImage(join(root, "fixtures/photos/dog.jpg"));
const detector = await loadDetector("yolov5s");
const { heatmap, maps, detections } = await detector.explain(image, { per: "detection" });
await detector.dispose();

/** An overlay, as the command draws it, as a PNG of this width. */
async function drawn(map, indices, width, options = {}) {
  const overlay = renderOverlay(image, map, { detections: indices.map((index) => detections[index]), ...options });
  const raw = { width: overlay.width, height: overlay.height, channels: 3 };
  return sharp(overlay.data, { raw }).resize(width).png().toBuffer({ resolveWithObject: true });
}

const gap = 6;
const whole = await drawn(
  heatmap,
  detections.map(({ index }) => index),
  768,
);
const small = Math.round((((whole.info.height - 2 * gap) / 3) * image.width) / image.height);
const tiles = ["dog", "bicycle", "truck"].map((name) => maps.find(({ className }) => className === name));
const column = await Promise.all(tiles.map((map) => drawn(map.heatmap, map.detections, small, { labels: false })));
const { height } = whole.info;
mkdirSync(join(root, "docs/images"), { recursive: true });
await sharp({ create: { width: 768 + gap + small, height, channels: 3, background: "#ffffff" } })
  .composite([
    { input: whole.data, left: 0, top: 0 },
    ...column.map(({ data, info }, i) => ({
      input: data,
      left: 768 + gap,
      top: Math.min(i * (info.height + gap), height - info.height),
    })),
  ])
  .jpeg({ quality: 86, mozjpeg: true })
  .toFile(join(root, "docs/images/dog.jpg"));
