// What the benchmarks run: YOLOv5s on one photo, and the plain pass that everything is compared with.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { decodeImage, letterbox, planLetterbox, resolveWeights } from "whybox";
import { root, threads } from "./measure.mjs";

export const photo = join(root, "fixtures/photos/dog.jpg");
export const { path } = await resolveWeights("yolov5s");
export const bytes = readFileSync(path);
export const image = await decodeImage(photo);

/**
 * The plain pass: the model as it is, the input ready, the runtime's defaults but that its threads stop spinning at the end of a run. By
 * default they go on for some 50 ms and slow down whatever is measured next; the pass itself takes as long either way (part "control").
 */
export async function plainForward({ size = 640, batch = 1, spinsOn = false } = {}) {
  const extra = spinsOn ? {} : { session: { force_spinning_stop: "1" } };
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: threads, extra });
  const plan = planLetterbox([image.height, image.width], { size: [size, size], stride: 32, fixed: false });
  const one = letterbox(image, plan);
  const data = new Float32Array(batch * one.length);
  for (let i = 0; i < batch; i++) data.set(one, i * one.length);
  const input = new ort.Tensor("float32", data, [batch, 3, ...plan.inputSize]);
  return { run: () => session.run({ images: input }), release: () => session.release() };
}
