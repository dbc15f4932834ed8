import { describe, expect, it } from "vitest";
import { detect } from "../../../src/detector/detect.js";
import type { Predictions } from "../../../src/detector/detection.js";
import { gridHead } from "../../../src/detector/head.js";
import { COCO_KEYPOINTS, keypointLayout } from "../../../src/detector/tasks/keypoints.js";
import type { Letterbox } from "../../../src/image/frame.js";
import { gridFacts } from "../../support/grid-facts.js";

const layout = (entries: Readonly<Record<string, string>>, columns: number) =>
  keypointLayout(new Map(Object.entries(entries)), columns);

describe("keypointLayout", () => {
  it("takes the shape that the metadata tells", () => {
    expect(layout({ kpt_shape: "[3, 2]" }, 6)).toEqual({ dims: 2, names: ["keypoint0", "keypoint1", "keypoint2"] });
    expect(layout({ kpt_shape: "(2, 3)" }, 6)).toEqual({ dims: 3, names: ["keypoint0", "keypoint1"] });
  });

  it("goes by the number of columns where there is none, or one that does not fit", () => {
    expect(layout({}, 51)).toEqual({ dims: 3, names: COCO_KEYPOINTS });
    expect(layout({ kpt_shape: "[17, 3]" }, 8)).toMatchObject({ dims: 2, names: { length: 4 } });
    expect(layout({ kpt_shape: "[2, 4]" }, 8)).toMatchObject({ dims: 2 });
    expect(layout({ kpt_shape: "what?" }, 9)).toMatchObject({ dims: 3, names: { length: 3 } });
  });

  it("takes the names of the first class", () => {
    const named = (text: string) => layout({ kpt_shape: "[2, 3]", kpt_names: text }, 6).names;
    expect(named("{0: ['head', \"dog's tail\"], 1: ['a', 'b']}")).toEqual(["head", "dog's tail"]);
    for (const odd of ["{0: ['head']}", "{0: ['a', 'a']}", "['a', ", "nothing"]) {
      expect(named(odd)).toEqual(["keypoint0", "keypoint1"]);
    }
  });
});

describe("detect with keypoints", () => {
  const level = { stride: 16, name: "P4", anchors: 1, inputs: ["in"], convOutputs: ["out"], rows: undefined };
  const letterbox: Letterbox = {
    ...{ imageSize: [32, 128], inputSize: [32, 64], contentSize: [16, 64], scale: 0.5, padTop: 8, padLeft: 0 },
  };
  const options = { confidence: 0.25, iou: 0.3, maxDetections: 10, agnostic: false };

  it.each([2, 3] as const)("gives them in pixels of the image, clipped: %i numbers each", (dims) => {
    const head = gridHead({ ...gridFacts("out", 1), task: "pose", extraCount: 2 * dims }, [level]);
    const row = [20, 16, 8, 8, 1, 0.5, ...[21, 15, 0.75].slice(0, dims), ...[70, 2, 0.125].slice(0, dims)];
    const data = new Float32Array(8 * row.length);
    data.set(row, 3 * row.length);
    const extra = { task: "pose", keypoints: { names: ["nose", "tail"], dims } } as const;
    const predictions: Predictions = { rows: 8, columns: row.length, classes: 1, extra, data };
    const [found, ...others] = detect(
      { predictions: predictions, head: head, classNames: ["dog"], letterbox },
      options,
    );
    expect(others).toEqual([]);
    expect(found!.keypoints).toEqual([
      { name: "nose", x: 42, y: 14, confidence: dims === 3 ? 0.75 : undefined },
      { name: "tail", x: 128, y: 0, confidence: dims === 3 ? 0.125 : undefined },
    ]);
  });
});
