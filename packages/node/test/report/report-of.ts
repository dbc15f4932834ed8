import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { decodeImage } from "../../src/io/decode-image.js";
import { makeReport, type ReportOptions, type ReportServices } from "../../src/report/make-report.js";
import { readPage } from "./read-page.js";
import { detectionOf, type FakeImage } from "./synthetic-run.js";

const parts = async () => ({ script: "script();", style: "b{}" });
const noDetector = () => Promise.reject(new WhyboxError("bad-input", "There is no model here."));

export async function* noVideo(): AsyncGenerator<never> {}

/** Makes the page of a run with a test script and style, and reads it. */
export async function report(
  root: string,
  folder: string,
  changes: Partial<ReportOptions> = {},
  readVideo: ReportServices["readVideo"] = noVideo,
) {
  const out = join(root, "page.html");
  const options = { folder, out, truth: undefined, cwd: root, misses: 10, budget: 1e6, version: "9.9.9", ...changes };
  const services = { decodeImage, readVideo, loadDetector: noDetector, readPageParts: parts };
  const written = await makeReport(options, services);
  return { ...(await readPage(out)), written };
}

export const box: [number, number, number, number] = [16, 12, 32, 24];
/** Two images for reports. */
export const first: FakeImage = {
  source: "photos/a.jpg",
  detections: [
    detectionOf({ box, class: 1, score: 0.9, inBox: 0.1, area: 0.2 }),
    detectionOf({ box: [0, 0, 8, 8], score: 0.4, level: 1 }),
  ],
};
export const second: FakeImage = { source: "photos/b.jpg", detections: [detectionOf({ box, class: 2, heat: null })] };
