import * as ort from "onnxruntime-node";
import { expect, it } from "vitest";
import { loadModel } from "../../src/explain/model/load-model.js";
import { readOnnx } from "../../src/readers/onnx/read-onnx.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { deployedBytes } from "../support/deployed.js";

it("refuses the names of a model with fewer classes, and never takes classes for keypoints", async () => {
  const model = readOnnx(deployedBytes("yolo-nas"));
  const load = (metadata: Record<string, string>, names?: readonly string[]) =>
    loadModel(model, createOrtPort(ort as never), { metadata, ...(names && { names }) });
  const names = "['a']";
  const says = (count: string) =>
    `The model has 3 class columns, and the metadata.yaml beside the model gives ${count}.`;
  await expect(load({ names, task: "detect" })).rejects.toThrow(says("1 name"));
  await expect(load({ names })).rejects.toThrow(says("1 name"));
  await expect(load({ names: "['a', 'b', 'c', 'd']" })).rejects.toThrow(says("4 names"));
  await expect(load({}, ["a"])).rejects.toThrow("3 class columns, and the option names gives 1 name.");
  const { head, classNames } = await load({ names: "['a', 'b', 'c']" });
  expect([head.task, ...classNames]).toEqual(["detect", "a", "b", "c"]);
});
