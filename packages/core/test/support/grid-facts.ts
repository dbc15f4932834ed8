import type { HeadFacts } from "../../src/detector/head.js";

/** What a YOLOv5 head is beside its grid. */
export function gridFacts(output: string, classCount: number): HeadFacts {
  return {
    kind: "anchor-based",
    task: "detect",
    output,
    source: `output "${output}"`,
    classCount,
    extraCount: 0,
    hasObjectness: true,
    selection: { nms: true, labels: "best" },
    prototypes: undefined,
  };
}
