import { restoreNanodet } from "../../src/readers/nanodet/restore-nanodet.js";
import { readTfjs } from "../../src/readers/tfjs/read-tfjs.js";
import { attr, randomNumbers, TfjsWriter } from "./tfjs-writer.js";

export const [H, W] = [32, 64] as const;
export const [CLASSES, BINS] = [2, 3] as const;
const STRIDES = [16, 8] as const; // the file's order is not ours

interface Tiny {
  readonly json: unknown;
  readonly bytes: Uint8Array;
}

/** A NanoDet of one convolution a level, as onnx-tf leaves it: PyTorch's axes, the bias outside. */
export function tinyNanodet(
  change: { sigmoid?: boolean; sides?: number; rows?: number; channels?: number } = {},
): Tiny {
  const tf = new TfjsWriter();
  const random = randomNumbers(3);
  const { channels = 3, sides = 4 * BINS } = change;
  const columns = CLASSES + sides;
  const input = tf.node("Placeholder", [], { shape: attr.shape(1, channels, H, W) }, "input_1");
  const turned = tf.node("Transpose", [input, tf.ints([0, 2, 3, 1])]);
  const outputs = STRIDES.flatMap((stride) => {
    const weights = Float32Array.from({ length: stride ** 2 * channels * columns }, () => random() / stride);
    const conv = tf.node("Conv2D", [turned, tf.floats([stride, stride, channels, columns], weights)], {
      padding: attr.s("VALID"),
      strides: attr.ints(1, stride, stride, 1),
    });
    const bias = Float32Array.from({ length: columns }, random);
    const biased = tf.node("Add", [conv, tf.floats([columns], bias)], {}, `level${stride}`);
    const back = tf.node("Transpose", [biased, tf.ints([0, 3, 1, 2])]);
    const halves = tf.node("SplitV", [back, tf.ints([CLASSES, sides]), tf.ints([1], [])]);
    const scores = change.sigmoid === false ? tf.node("Tanh", [halves]) : tf.node("Sigmoid", [halves]);
    return [scores, `${halves}:1`].map((half, i) => {
      const rows = tf.node("Reshape", [half, tf.ints([1, i === 0 ? CLASSES : sides, -1])]);
      return tf.node("Identity", [tf.node("Transpose", [rows, tf.ints([0, 2, 1])])]);
    });
  });
  const model = tf.model(outputs[0]!) as Record<string, unknown>;
  const names = Object.fromEntries(outputs.map((name) => [name, { name: `${name}:0` }]));
  return { json: { ...model, signature: { outputs: names } }, bytes: tf.bytes() };
}

/** The restored model. */
export function restoredNanodet() {
  const { json, bytes } = tinyNanodet();
  return restoreNanodet(readTfjs(json, bytes), { names: ["cat", "dog"], metadata: { license: "Apache-2.0" } });
}
