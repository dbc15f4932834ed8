// Shared by the benchmarks: what is measured, in turns, as medians.
import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import * as ort from "onnxruntime-node";
import { decodeImage, letterbox, planLetterbox, resolveWeights } from "whybox";

export const root = resolve(import.meta.dirname, "..");
export const quick = process.argv.includes("--quick");
export const repeats = quick ? 3 : 15;
export const threads = availableParallelism();
export const photo = join(root, "fixtures/photos/dog.jpg");
export const { path } = await resolveWeights("yolov5s");
export const bytes = readFileSync(path);
export const image = await decodeImage(photo);
export const results = {
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  threads,
  cpu: cpus()[0]?.model,
  repeats,
};

export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
export const ratio = (value) => Number(value.toFixed(3));

export async function timed(action) {
  const start = performance.now();
  const value = await action();
  return { ms: performance.now() - start, value };
}

/**
 * Median milliseconds of each action, run in turns so that a noisy machine is noisy for all. `pause` milliseconds lie before each: longer than
 * threads spin on after a run, where a session's do.
 */
export async function interleaved(actions, pause = 0) {
  const times = Object.fromEntries(Object.keys(actions).map((name) => [name, []]));
  for (let i = -2; i < repeats; i++) {
    for (const [name, action] of Object.entries(actions)) {
      if (pause > 0) await setTimeout(pause);
      const { ms } = await timed(action);
      if (i >= 0) times[name].push(ms);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
}

/**
 * The plain pass: the model as it is, the input ready, the runtime's defaults but that its threads stop spinning at the end of a run. By
 * default they go on for some 50 ms and slow down whatever is measured next; the pass itself takes as long either way (`npm run bench` tells).
 */
export async function plainForward(size, batch = 1, spinsOn = false) {
  const extra = spinsOn ? {} : { session: { force_spinning_stop: "1" } };
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: threads, extra });
  const plan = planLetterbox([image.height, image.width], { size: [size, size], stride: 32, fixed: false });
  const one = letterbox(image, plan);
  const data = new Float32Array(batch * one.length);
  for (let i = 0; i < batch; i++) data.set(one, i * one.length);
  const input = new ort.Tensor("float32", data, [batch, 3, ...plan.inputSize]);
  return {
    run: () => session.run({ images: input }),
    /** The same with the picture to be letterboxed first. */
    runFromPixels: () =>
      session.run({ images: new ort.Tensor("float32", letterbox(image, plan), [1, 3, ...plan.inputSize]) }),
    release: () => session.release(),
  };
}

export function print(title, rows) {
  console.log(`\n${title}`);
  for (const [name, value] of Object.entries(rows)) console.log(`  ${name.padEnd(42)} ${value}`);
}
