import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { blendInput, maskInput } from "../../src/onnx/mask-input.js";
import { runGraph } from "../support/ort.js";
import { modelOf } from "./support.js";

const image = (data: Float32Array) => ({ dims: [1, 3, 2, 2], data });
const masksOf = (data: Float32Array) => ({ dims: [2, 1, 2, 2], data });
/** Index of the mask's value for value i of a batch of two. */
const pixelOf = (i: number) => 4 * Math.floor(i / 12) + (i % 4);

describe.each([
  ["known shapes", ["N", 3, "H", "W"]],
  ["unknown shapes", undefined],
] as const)("with %s the model runs", (_, shape) => {
  const b = new GraphBuilder("v");
  b.input("images", shape === undefined ? undefined : [...shape]);
  // A value that has the name that a new input would get.
  b.node("Neg", ["images"], ["whybox/masked/"]);
  b.node("Neg", ["whybox/masked/"], ["same"]);
  b.output("same");
  const plain = modelOf(b.graph("g"));

  it("on the image times each mask", async () => {
    const { model, images, masks } = maskInput(plain, "images");
    const pixels = Float32Array.from({ length: 12 }, (_, i) => i + 1);
    const own = Float32Array.of(1, 0, 0.5, 2, 0, 0, 1, 1);
    const [found] = await runGraph(model.graph, { [images.image]: image(pixels), [masks]: masksOf(own) }, ["same"]);
    expect(found!.dims).toEqual([2, 3, 2, 2]);
    expect([...found!.data]).toEqual(Array.from({ length: 24 }, (_, i) => pixels[i % 12]! * own[pixelOf(i)]!));
  });

  it("on one image where the mask is 0 and the other where it is 1", async () => {
    const { model, images, masks } = blendInput(plain, "images");
    const first = Float32Array.from({ length: 12 }, (_, i) => i + 1 / 3);
    const second = Float32Array.from({ length: 12 }, (_, i) => -i / 7);
    const own = Float32Array.of(1, 0, 0, 1, 0, 0, 1, 0);
    const feeds = { [images.from]: image(first), [images.to]: image(second), [masks]: masksOf(own) };
    const [found] = await runGraph(model.graph, feeds, ["same"]);
    expect(found!.dims).toEqual([2, 3, 2, 2]);
    const wanted = (i: number) => (own[pixelOf(i)] === 1 ? second[i % 12]! : first[i % 12]!);
    // Plus 0: the sum with a zero has no sign.
    expect([...found!.data]).toEqual(Array.from({ length: 24 }, (_, i) => wanted(i) + 0));
  });
});
