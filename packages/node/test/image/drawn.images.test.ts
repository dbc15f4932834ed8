import { resolve } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, it } from "vitest";
import {
  type Detector,
  type ExplainResult,
  loadDetector,
  type RgbImage,
  renderContactSheet,
  renderOverlay,
} from "whybox";
import { expectImage } from "../support/reference-image.js";
import { yolov5sPath } from "../support/yolov5s-path.js";

const photo = resolve(import.meta.dirname, "../../../../fixtures/photos/dog.jpg");
const reference = (name: string) => resolve(import.meta.dirname, `references/${name}.png`);
/** Processors round differently, so a heatmap may differ in its last digits. A reference has 256 colours only. */
const tolerance = { colour: 0.1, pixels: 0.001 };

describe("images of an explanation by the default model", () => {
  let detector: Detector;
  let image: RgbImage;
  let explanation: ExplainResult;
  beforeAll(async () => {
    detector = await loadDetector(await yolov5sPath());
    const { data, info } = await sharp(photo).resize(384, 288).raw().toBuffer({ resolveWithObject: true });
    image = { width: info.width, height: info.height, data };
    explanation = await detector.explain(image, { per: "detection" });
  });
  afterAll(() => detector?.dispose());
  const drawn = ({ detections, explained }: ExplainResult) => explained.map((index) => detections[index]!);

  it("an overlay", async () => {
    const overlay = renderOverlay(image, explanation.heatmap, {
      detections: drawn(explanation),
      caption: "all detections",
    });
    await expectImage(overlay, reference("overlay"), tolerance);
  });

  it("a photo and its overlay side by side, with another colormap", async () => {
    const look = { colormap: "viridis" as const, opacity: 0.7, sideBySide: true, detections: drawn(explanation) };
    await expectImage(renderOverlay(image, explanation.heatmap, look), reference("side-by-side"), tolerance);
  });

  it("the part of a photo where the heatmap is high", async () => {
    const { heatmap } = explanation;
    const high = { ...heatmap, data: heatmap.data.map((value) => (value > 0.2 ? value : 0)) };
    await expectImage(renderOverlay(image, high, { crop: "hot" }), reference("crop"), tolerance);
  });

  it("a contact sheet", async () => {
    const tiles = explanation.maps.map(({ heatmap, detections }) => {
      const about = detections.map((index) => explanation.detections[index]!);
      return { heatmap, detections: about, caption: about.map(({ className }) => className).join(", ") };
    });
    await expectImage(renderContactSheet(image, tiles), reference("contact-sheet"), tolerance);
  });
});
