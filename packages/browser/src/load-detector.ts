import type { Detector, LoadOptions, WeightsSource } from "./api.js";
import { startEngine } from "./start-engine.js";

/**
 * Loads a detector from a model (ONNX, or a YOLO checkpoint): its URL, a file, or its bytes. The engine runs in a worker, on WebGPU if the browser has it, else
 * on WebAssembly. Files beside a URL that hold its weights are fetched too. Dispose the detector when done.
 * @throws usage for an invalid option; bad-input for an invalid file; unsupported-model; download; aborted.
 */
export async function loadDetector(
  weights: WeightsSource,
  { folder, maxPixels, ...options }: LoadOptions = {},
): Promise<Detector> {
  const engine = startEngine({
    ...(folder === undefined ? {} : { folder }),
    ...(maxPixels === undefined ? {} : { maxPixels }),
  });
  try {
    const detector = await engine.loadDetector(weights, options);
    return { ...detector, dispose: async () => engine.close() };
  } catch (error) {
    engine.close();
    throw error;
  }
}
