import { expect, it } from "vitest";
import { undoSelection } from "../../src/detector/heads/undo-selection.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { indexOf } from "../../src/onnx/graph.js";
import { modelOf } from "../onnx/support.js";

/** Boxes and scores of a convolution, of which `picks` Gathers one after the other pick the best. */
function selected(picks: number) {
  const b = new GraphBuilder();
  const image = b.input("images", [1, 3, 8, 8]);
  const conv = (channels: number): Value =>
    b.op("Reshape", [
      b.op("Conv", [image, b.floats([channels, 3, 1, 1], new Float32Array(3 * channels))]),
      b.ints([-1, channels]),
    ]);
  const [rows, probabilities] = [conv(4), b.op("Sigmoid", [conv(1)])];
  const flat = b.op("Reshape", [probabilities, b.ints([-1])]);
  const places = b.ops("TopK", [flat, b.ints([5])], 2, { axis: 0 })[1]!;
  let [boxes, scores] = [rows, probabilities];
  for (let i = 0; i < picks; i++) {
    boxes = b.op("Gather", [boxes, places], { axis: 0 });
    scores = b.op("Gather", [scores, places], { axis: 0 });
  }
  for (const value of [boxes, scores]) b.output(value, undefined);
  const model = modelOf(b, 17);
  return { rows, undone: undoSelection(model, indexOf(model.graph), { boxes, scores, labels: places }) };
}

it("undoes a pick", () => {
  const { rows, undone } = selected(1);
  expect(undone?.boxes).toBe(rows);
});

it("gives up on a chain of picks that no detector has, and keeps the stack", () => {
  expect(selected(400).undone).toBeDefined();
  expect(selected(60_000).undone).toBeUndefined();
});
