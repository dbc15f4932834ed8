import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { anchorNumbers, anchorTableNames } from "../../src/detector/heads/anchors.js";
import type { CreateDetectorOptions } from "../../src/explain/model/create-options.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import type { LoadedModel } from "../../src/explain/model/loaded-model.js";
import type { Model } from "../../src/onnx/model.js";
import { floatTensor } from "../../src/onnx/tensors.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { deployedBytes } from "../support/deployed.js";

const port = createOrtPort(ort as never);
const v7 = [12, 16, 19, 36, 40, 28, 36, 75, 76, 55, 72, 146, 142, 110, 192, 243, 459, 401];

function open(
  name: string,
  options: CreateDetectorOptions = {},
  change = (model: Model) => model,
): Promise<LoadedModel> {
  return loadModel(change(readModel(deployedBytes(name))), port, { threads: 1, ...options });
}

/** Constants of the decoding, `[1, A, 1, 2]` for each level. */
async function anchorsOf(loading: Promise<LoadedModel>): Promise<number[]> {
  const { initializers } = (await loading).model.graph;
  const found = [...initializers.values()].filter(({ dims }) => dims.join() === "1,3,1,2");
  return found.flatMap(({ bytes }) => [...new Float32Array(bytes!.slice().buffer)]);
}

describe("the option anchors", () => {
  it("is numbers, numbers in a text, or a name", () => {
    expect(anchorNumbers(v7)).toEqual(v7);
    expect(anchorNumbers(" [12,16, 19,36]; 40 28.5 ")).toEqual([12, 16, 19, 36, 40, 28.5]);
    expect(anchorNumbers("yolov7")).toEqual(v7);
    for (const name of anchorTableNames) expect(anchorNumbers(name).length % 2).toBe(0);
  });

  it.each([["yolov8"], [""], ["1,2,3"], ["0,1"], ["1.2.3,4"], ["5 ".repeat(2001)], [[1, Number.NaN]], [[20_000, 1]]])(
    "refuses %j",
    (given) => {
      expect(() => anchorNumbers(given)).toThrow(/The anchors are .* expected widths and heights in pixels/);
    },
  );

  it("replaces the table that is assumed", async () => {
    expect(await anchorsOf(open("v7-raw", { anchors: v7 }))).toEqual(v7);
    expect(await anchorsOf(open("v7-raw"))).not.toEqual(v7);
    expect((await open("v7-raw")).head.assumed?.[0]).toBe("anchors of yolov5, as none are in the file");
    expect((await open("v7-raw", { anchors: v7 })).head.assumed).toHaveLength(1);
  });

  it("must fit the levels", async () => {
    await expect(open("v7-raw", { anchors: [1, 2, 3, 4] })).rejects.toMatchObject({ code: "usage" });
    await expect(open("yolo-fastestv2", { anchors: "yolov7" })).rejects.toThrow("expected 12 numbers");
  });

  it("is refused where the boxes need no anchors", async () => {
    await expect(open("v8-split", { anchors: "yolov5" })).rejects.toThrow(/needs none/);
  });
});

it.each([
  ["pixels", v7],
  ["cells", v7.map((side, i) => side / [8, 16, 32][Math.floor(i / 6)]!)],
])("takes anchors from the file, in %s", async (_, sides) => {
  const withAnchors = (model: Model): Model => {
    const tensor = floatTensor("model.24.anchors", [3, 3, 2], sides);
    return {
      ...model,
      graph: { ...model.graph, initializers: new Map([...model.graph.initializers, [tensor.name, tensor]]) },
    };
  };
  const found = await anchorsOf(open("v7-raw", {}, withAnchors));
  expect(found.map((side) => Math.round(side))).toEqual(v7);
});

it("takes 16 columns for eleven classes when the names say so", async () => {
  const names = Array.from({ length: 11 }, (_, i) => `class ${i}`);
  const { head } = await open("v5-face", { names });
  expect([head.task, head.classCount, head.extraCount]).toEqual(["detect", 11, 0]);
});
