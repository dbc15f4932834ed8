import { expect, it } from "vitest";
import { blendInput } from "../../src/onnx/blend-input.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { runGraph } from "../support/ort.js";
import { modelOf } from "./support.js";

it.each([
  ["known shapes", ["N", 3, "H", "W"]],
  ["unknown shapes", undefined],
] as const)(
  "the model runs on one image where the mask is 0 and the other where it is 1, with %s",
  async (_, shape) => {
    const b = new GraphBuilder("v");
    b.input("images", shape === undefined ? undefined : [...shape]);
    // A value that has the name that a new input would get.
    b.node("Neg", ["images"], ["whybox/blended/"]);
    b.node("Neg", ["whybox/blended/"], ["same"]);
    b.output("same");
    const { model, from, to, masks } = blendInput(modelOf(b.graph("g")), "images");
    const first = Float32Array.from({ length: 12 }, (_, i) => i + 1 / 3);
    const second = Float32Array.from({ length: 12 }, (_, i) => -i / 7);
    const own = Float32Array.of(1, 0, 0, 1, 0, 0, 1, 0);
    const image = (data: Float32Array) => ({ dims: [1, 3, 2, 2], data });
    const feeds = { [from]: image(first), [to]: image(second), [masks]: { dims: [2, 1, 2, 2], data: own } };
    const [found] = await runGraph(model.graph, feeds, ["same"]);
    expect(found!.dims).toEqual([2, 3, 2, 2]);
    const wanted = (i: number) => (own[4 * Math.floor(i / 12) + (i % 4)] === 1 ? second[i % 12]! : first[i % 12]!);
    // Plus 0: the sum with a zero has no sign.
    expect([...found!.data]).toEqual(Array.from({ length: 24 }, (_, i) => wanted(i) + 0));
  },
);
