import type { Extra, Predictions } from "../../src/detector/detection.js";
import { randomSource } from "./random.js";

const CLASSES = 3;

/** Rows around [20, 20, 60, 50], all of class 0, with made-up columns behind the classes. */
export function taskPredictions(task: Extra["task"], rows = 8, seed = 5): Predictions {
  const random = randomSource(seed);
  const near = (value: number, spread: number) => value + spread * (random() - 0.5);
  const values: number[][] = Array.from({ length: rows }, () => [
    ...[near(40, 8), near(35, 8), near(40, 10), near(30, 10)],
    1,
    ...[0.5 + 0.4 * random(), 0.1 + 0.2 * random(), 0.1 + 0.2 * random()],
    ...behind(),
  ]);
  return {
    rows,
    columns: values[0]!.length,
    classes: CLASSES,
    hasObjectness: false,
    extra: extra(),
    data: Float32Array.from(values.flat()),
  };

  function behind(): number[] {
    if (task === "segment") return [near(1, 0.5), near(-0.5, 1), near(0.25, 1)];
    if (task === "obb") return [near(0.7, 1)];
    return Array.from({ length: 4 }, () => [near(40, 20), near(35, 20), 0.2 + 0.7 * random()]).flat();
  }

  function extra(): Extra {
    if (task === "obb") return { task };
    if (task === "pose") return { task, keypoints: { names: ["nose", "left_eye", "right_eye", "tail"], dims: 3 } };
    const dims = [3, 16, 24];
    return { task, prototypes: { dims, data: Float32Array.from({ length: 3 * 16 * 24 }, () => near(0.3, 2)) } };
  }
}
