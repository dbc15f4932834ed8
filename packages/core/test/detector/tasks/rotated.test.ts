import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BOX_COLUMNS } from "../../../src/boxes/box-columns.js";
import { detect } from "../../../src/detector/detect.js";
import type { Predictions } from "../../../src/detector/detection.js";
import { gridHead } from "../../../src/detector/head.js";
import { cornersOf, probabilisticIou, regularised } from "../../../src/detector/tasks/rotated.js";
import { boxTable } from "../../../src/scores/iou.js";
import { gridFacts } from "../../support/grid-facts.js";

type Five = [number, number, number, number, number];
interface Fixture {
  /** x, y, w, h, three classes, angle. */
  readonly rows: number[][];
  readonly probiou: number[][];
  readonly kept: { readonly classes: number[]; readonly agnostic: number[] };
  readonly regularised: { readonly given: Five[]; readonly found: Five[] };
  readonly corners: [number, number][][];
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL("../../../../../fixtures/tasks/turned.json", import.meta.url), "utf8"),
);
const boxOf = ([x, y, width, height, angle]: Five) => ({ x, y, width, height, angle });
const boxes = fixture.rows.map((row) => boxOf([...row.slice(0, 4), row.at(-1)!] as Five));

it("probabilistic IoU is Ultralytics'", () => {
  fixture.probiou.forEach((line, i) => {
    line.forEach((wanted, j) => {
      // A box with itself lies on the root's steepest place.
      expect(probabilisticIou(boxes[i]!, boxes[j]!)).toBeCloseTo(wanted, i === j ? 4 : 9);
    });
  });
});

it("corners are Ultralytics', in its order", () => {
  fixture.corners.forEach((wanted, i) => {
    cornersOf(boxes[i]!).forEach((corner, c) => {
      expect(corner[0]).toBeCloseTo(wanted[c]![0], 9);
      expect(corner[1]).toBeCloseTo(wanted[c]![1], 9);
    });
  });
});

it("regularised boxes are Ultralytics'", () => {
  fixture.regularised.given.forEach((given, i) => {
    const { x, y, width, height, angle } = regularised(boxOf(given));
    [x, y, width, height, angle].forEach((value, c) => {
      expect(value).toBeCloseTo(fixture.regularised.found[i]![c]!, 6);
    });
  });
});

describe("detect with rotated boxes", () => {
  const rows = fixture.rows.map((row) => [...row.slice(0, 4), 1, ...row.slice(4)]);
  const predictions: Predictions = {
    rows: rows.length,
    columns: 9,
    classes: 3,
    extra: { task: "obb" },
    data: Float32Array.from(rows.flat()),
  };
  const level = { stride: 16, name: "P4", anchors: 1, inputs: ["in"], convOutputs: ["out"], rows: undefined };
  const head = gridHead({ ...gridFacts("out", 3), task: "obb", extraCount: 1 }, [level]);
  const letterbox = {
    imageSize: [192, 320],
    inputSize: [96, 160],
    contentSize: [96, 160],
    scale: 0.5,
    padTop: 0,
    padLeft: 0,
  } as const;
  const options = { confidence: 0.25, iou: 0.3, maxDetections: 1000, agnostic: false };

  it("keeps what Ultralytics keeps, in its order", () => {
    const names = ["a", "b", "c"];
    const kept = (agnostic: boolean) =>
      detect({ predictions: predictions, head: head, classNames: names, letterbox }, { ...options, agnostic }).map(
        ({ row }) => row,
      );
    expect(fixture.kept.classes.length).toBeGreaterThan(fixture.kept.agnostic.length);
    expect(kept(false)).toEqual(fixture.kept.classes);
    expect(kept(true)).toEqual(fixture.kept.agnostic);
    expect(
      detect({ predictions: predictions, head: head, classNames: names, letterbox }, { ...options, maxDetections: 3 }),
    ).toHaveLength(3);
  });

  it("gives angle, corners in the image, and the upright rectangle around them", () => {
    for (const found of detect(
      { predictions: predictions, head: head, classNames: ["a", "b", "c"], letterbox },
      options,
    )) {
      expect(found.angle).toBeGreaterThanOrEqual(0);
      expect(found.angle).toBeLessThan(Math.PI / 2);
      const own = regularised(boxes[found.row]!);
      expect(found.angle).toBeCloseTo(own.angle, 5);
      const corners = found.corners!;
      const side = (a: readonly number[], b: readonly number[]) => Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!);
      expect(side(corners[0], corners[1])).toBeCloseTo(2 * own.height, 4);
      expect(side(corners[1], corners[2])).toBeCloseTo(2 * own.width, 4);
      const clipped = (value: number, most: number) => Math.min(Math.max(value, 0), most);
      expect(found.boxImage.x1).toBeCloseTo(clipped(Math.min(...corners.map(([x]) => x)), 320), 3);
      expect(found.boxImage.y2).toBeCloseTo(clipped(Math.max(...corners.map(([, y]) => y)), 192), 3);
    }
  });

  it("compares the very boxes that the scores read", () => {
    const table = boxTable(predictions);
    for (const { row, boxInput } of detect(
      { predictions: predictions, head: head, classNames: ["a", "b", "c"], letterbox },
      options,
    )) {
      if (boxInput.x1 > 0)
        expect(boxInput.x1).toBe(Math.fround(table[BOX_COLUMNS * row]! - table[BOX_COLUMNS * row + 2]! / 2));
    }
  });
});
