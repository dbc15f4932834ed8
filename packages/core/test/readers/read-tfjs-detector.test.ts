import { expect, test } from "vitest";
import { readTfjsDetector } from "../../src/readers/tfjs/read-tfjs-detector.js";
import { writeTfjs } from "./make-yolov5.js";
import { attr, TfjsWriter } from "./tfjs-writer.js";

test("a YOLOv5 gets its layer names back", () => {
  const { json, bytes } = writeTfjs({ size: [64, 64], depths: [1, 1, 1, 1], levels: 3, classCount: 2, seed: 5 });
  const model = readTfjsDetector(json, bytes, { names: ["cat", "dog"] });
  expect(model.graph.nodes.map(({ name }) => name)).toContain("/model.2/cv1/conv/Conv");
  expect(model.metadata.get("names")).toBe("{0: 'cat', 1: 'dog'}");
  expect(() => readTfjsDetector(json, bytes, { names: ["cat"] })).toThrow("The model has 2 classes, but 1 names");
});

test("another model keeps the names of its file", () => {
  const tf = new TfjsWriter();
  const kernel = tf.floats([1, 1, 3, 2], [1, 2, 3, 4, 5, 6]);
  const same = { padding: attr.s("SAME"), strides: attr.ints(1, 1, 1, 1) };
  const output = tf.node("Conv2D", [tf.input(1, 4, 4, 3), kernel], same, "model/conv2d_1/convolution");
  const options = { names: ["cat"], metadata: { task: "detect" } };
  const model = readTfjsDetector(tf.model(output), tf.bytes(), options);
  expect(model.graph.nodes.map(({ name }) => name)).toContain("model/conv2d_1/convolution");
  expect(Object.fromEntries(model.metadata)).toEqual({ task: "detect", names: "{0: 'cat'}" });
  expect(readTfjsDetector(tf.model(output), tf.bytes()).metadata.size).toBe(0);
});

test("a broken file is an error, not another kind of model", () => {
  expect(() => readTfjsDetector("{", new Uint8Array())).toThrow("it is no JSON");
});
