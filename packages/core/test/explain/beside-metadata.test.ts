import * as ort from "onnxruntime-node";
import { expect, it } from "vitest";
import { loadModel } from "../../src/explain/model/load-model.js";
import { readOnnx } from "../../src/readers/onnx/read-onnx.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { deployedBytes } from "../support/deployed.js";

it("refuses the metadata of a model with fewer classes, and takes one that fits", async () => {
  const model = readOnnx(deployedBytes("yolo-nas"));
  const load = (metadata: Record<string, string>) => loadModel(model, createOrtPort(ort as never), { metadata });
  const names = "['a']";
  await expect(load({ names, task: "detect" })).rejects.toThrow(
    /class names: 1, task: detect.*the task of the model is "pose"/,
  );
  await expect(load({ names })).rejects.toThrow(/class names: 1, task: none/);
  await expect(load({ names: "['a', 'b', 'c', 'd']" })).rejects.toThrow(/Expected 3 class names in the metadata\.yaml/);
  const { head, classNames } = await load({ names: "['a', 'b', 'c']" });
  expect([head.task, ...classNames]).toEqual(["detect", "a", "b", "c"]);
});
