import { blurPart } from "../../image/blur.js";
import type { PlanePart, Size } from "../../image/frame.js";
import { GREY } from "../../image/letterbox.js";
import { shufflePatches } from "./shuffle-patches.js";

/** The image as the network takes it, `[3, H, W]`, and the part of it that is not padding. */
export interface InputImage {
  readonly planes: Float32Array;
  readonly size: Size;
  readonly part: PlanePart;
}

/** Makes what pixels are replaced by: other planes of the same size. */
export type Fill = (image: InputImage) => Float32Array;

/** How the pixels of a map's order are changed. Deletion replaces the hottest by a fill. Insertion restores them in a fill. */
export interface Protocol {
  readonly deletion: Fill;
  readonly insertion: Fill;
  /** Shares of the pixels whose scores are measured, ascending, without 0 and 1. */
  readonly shares: readonly number[];
  /** Only the pixels of the box are changed. Its surroundings stay. */
  readonly withinBox: boolean;
}

/** Standard deviation of the blur, in input pixels. */
const BLUR = 20;
/** Side of the patches that are shuffled, in input pixels. */
const PATCH = 16;

const grey: Fill = ({ planes }) => new Float32Array(planes.length).fill(GREY / 255);
const blurred: Fill = ({ planes, size, part }) => blurPart(planes, size, part, BLUR);
const shuffled: Fill = ({ planes, size, part }) => shufflePatches(planes, { size, part, side: PATCH, seed: 0 });

/** Shares `(i / 10)^1.5`. */
const sharesAt = (steps: readonly number[]) => steps.map((i) => (i / 10) ** 1.5);
const FEW = sharesAt([1, 3, 6]);

/** Grey for deletion, a blurred image for insertion. The protocol of the option `measure`. */
export const PROTOCOL_A: Protocol = {
  deletion: grey,
  insertion: blurred,
  shares: sharesAt([1, 2, 3, 5, 7]),
  withinBox: false,
};
/** The fills of A exchanged. */
export const PROTOCOL_B: Protocol = { deletion: blurred, insertion: grey, shares: FEW, withinBox: false };
/** Both with the patches of the image in another order. */
export const PROTOCOL_C: Protocol = { deletion: shuffled, insertion: shuffled, shares: FEW, withinBox: false };
/** The fills of A within the box. The shares are shares of the box. */
export const PROTOCOL_W: Protocol = { deletion: grey, insertion: blurred, shares: [0.15, 0.35, 0.65], withinBox: true };
