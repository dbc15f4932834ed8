import { expect, it } from "vitest";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { maskInput } from "../../src/onnx/mask-input.js";
import { runGraph } from "../support/ort.js";
import { modelOf } from "./support.js";

it.each([
  ["known shapes", ["N", 3, "H", "W"]],
  ["unknown shapes", undefined],
] as const)("the model runs on the image times each mask, with %s", async (_, shape) => {
  const b = new GraphBuilder("v");
  b.input("images", shape === undefined ? undefined : [...shape]);
  // A value that has the name that the new input would get.
  b.node("Neg", ["images"], ["whybox/masked/"]);
  b.node("Neg", ["whybox/masked/"], ["same"]);
  b.output("same");
  const { model, image, masks } = maskInput(modelOf(b.graph("g")), "images");
  const pixels = Float32Array.from({ length: 12 }, (_, i) => i + 1);
  const own = Float32Array.of(1, 0, 0.5, 2, 0, 0, 1, 1);
  const feeds = { [image]: { dims: [1, 3, 2, 2], data: pixels }, [masks]: { dims: [2, 1, 2, 2], data: own } };
  const [found] = await runGraph(model.graph, feeds, ["same"]);
  expect(found!.dims).toEqual([2, 3, 2, 2]);
  expect([...found!.data]).toEqual(
    Array.from({ length: 24 }, (_, i) => pixels[i % 12]! * own[4 * Math.floor(i / 12) + (i % 4)]!),
  );
});
