import { expect, it } from "vitest";
import { findHead } from "../../src/detector/find-head.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import type { RuntimePort } from "../../src/runtime/port.js";
import { modelOf } from "../onnx/support.js";

it("refuses a model of more outputs than any detector without looking at each", async () => {
  const b = new GraphBuilder();
  let value = b.input("images", [1, 3, 64, 64]);
  for (let i = 0; i < 65; i++) {
    value = b.op("Relu", [value]);
    b.output(value, [1, 7, 84]);
  }
  const options = { fixedSize: undefined, expectedClasses: undefined, anchors: undefined };
  await expect(findHead(modelOf(b, 17), {} as RuntimePort, options)).rejects.toMatchObject({
    code: "unsupported-model",
    message: expect.stringMatching(/It has 65 outputs, and no detector has more than 64\./),
  });
});
