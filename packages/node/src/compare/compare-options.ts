import type { Filled, OptionTable } from "@whybox/core";

/** Options of comparing two runs. Shares are from 0 to 1. */
export interface CompareOptions {
  /** Minimum IoU of two boxes of the same class to be the same object. Default 0.5. */
  readonly boxIou?: number;
  /** Minimum rank correlation of the two maps of a detection. Default 0.5. */
  readonly minCorrelation?: number;
  /** Minimum overlap of the hottest tenth of the two maps of a detection. Default 0.5. */
  readonly minOverlap?: number;
  /** Maximum distance of the centres of heat, as a share of the image's diagonal. Default 0.1. */
  readonly maxShift?: number;
  /** Maximum change of the share of heat inside the box. Default 0.2. */
  readonly maxInBoxChange?: number;
  /** Maximum share of the compared detections whose attention moved. Default 0.05. */
  readonly maxMoved?: number;
  /** Maximum share of RUN_A's detections that RUN_B does not have. Default: any. */
  readonly maxLost?: number;
  /** Maximum share of RUN_B's detections that RUN_A does not have. Default: any. */
  readonly maxGained?: number;
}

const share = { kind: "number", min: 0, max: 1, group: "Limits" } as const;

/** The options of comparing two runs. */
export const compareOptions = {
  boxIou: { ...share, what: "minimum IoU of two boxes of the same class to be the same object", default: 0.5 },
  minCorrelation: {
    ...share,
    what: "minimum rank correlation of the two maps of a detection",
    min: -1,
    default: 0.5,
  },
  minOverlap: {
    ...share,
    what: "minimum overlap of the hottest tenth of the two maps of a detection",
    default: 0.5,
  },
  maxShift: {
    ...share,
    what: "maximum distance of the centres of heat, as a share of the image's diagonal",
    default: 0.1,
  },
  maxInBoxChange: { ...share, what: "maximum change of the share of heat inside the box", default: 0.2 },
  maxMoved: { ...share, what: "maximum share of the compared detections whose attention moved", default: 0.05 },
  maxLost: {
    ...share,
    what: "maximum share of RUN_A's detections that RUN_B does not have",
    otherwise: "any",
  },
  maxGained: {
    ...share,
    what: "maximum share of RUN_B's detections that RUN_A does not have",
    otherwise: "any",
  },
} as const satisfies OptionTable<CompareOptions>;

export type CompareValues = Filled<CompareOptions, typeof compareOptions>;
