import { describe, expect, it } from "vitest";
import type { Detection } from "../../src/detector/detection.js";
import { diagnoseEmpty } from "../../src/explain/diagnosis/empty.js";
import type { ResolvedExplainOptions } from "../../src/explain/options/resolve-options.js";

describe("why a map is empty", () => {
  const trouble = { layers: new Map(), predictions: false, origin: undefined };
  const maps = { task: "detect" as const, layers: [], trouble, isEmpty: true };
  const reasonOf = (scores: readonly string[], versus: number, ...classes: readonly number[]) => {
    const explained = classes.map((classIndex) => ({ classIndex, className: `class${classIndex}` }) as Detection);
    const options = {
      scores: scores.map((id) => ({ id })),
      versus,
      classNames: [],
    } as unknown as ResolvedExplainOptions;
    const entries = [{ result: { terms: [0] } }] as never;
    return diagnoseEmpty({ ...maps, options, detections: explained, explained, entries })?.reason;
  };

  it("a class against itself, where there is nothing else to see", () => {
    expect(reasonOf(["contrast"], 2, 2, 2)).toBe("same-class");
    expect(reasonOf(["contrast"], 2, 2, 1)).toBe("zero-gradient");
    expect(reasonOf(["contrast"], 1, 2)).toBe("zero-gradient");
    expect(reasonOf(["contrast", "class"], 2, 2)).toBe("zero-gradient");
  });
});
