import type { Interval } from "@whybox/core";

/** The checks, in the order of the table. */
export const checkIds = ["weights", "class-swap", "box-swap", "noise", "seed", "repeat"] as const;
export type CheckId = (typeof checkIds)[number];

/** "not-possible": the check does not apply to the model, the method or the images. */
export type CheckVerdict = "pass" | "fail" | "not-decided" | "not-possible";

/**
 * Two maps with this rank correlation or more show the same places. The limit of `whybox compare`. Adebayo et al. 2018 and Padmanabhan et al. 2023 judge
 * by plots and give none.
 */
export const SAME_PLACES = 0.5;

/** An interval over fewer images says too little. */
export const MIN_IMAGES = 5;

/** What each check asks, and when it passes. */
export const checkRules: Readonly<
  Record<CheckId, { readonly title: string; readonly question: string; readonly rule: string }>
> = {
  weights: {
    title: "random weights",
    question: "Does the map change when the weights of the network are random?",
    rule: `Passes if the rank correlation with the original map is below ${SAME_PLACES} when all weights are random.`,
  },
  "class-swap": {
    title: "class swap",
    question: "Does the map of the same box change when it is asked about another class?",
    rule: "Passes if another class changes the map more than small noise on the image does.",
  },
  "box-swap": {
    title: "box swap",
    question: "Does another detection of the image have another map?",
    rule: "Passes if another detection changes the map more than small noise on the image does.",
  },
  noise: {
    title: "noise",
    question: "Does the map stay when small noise is added to the image?",
    rule: `Passes if the rank correlation with the original map is above ${SAME_PLACES}.`,
  },
  seed: {
    title: "another seed",
    question: "Does the map stay when the method draws other random numbers?",
    rule: `Passes if the rank correlation with the original map is above ${SAME_PLACES}.`,
  },
  repeat: {
    title: "repeat",
    question: "Does the same call give the same map?",
    rule: "Passes if each map has the same bits again.",
  },
};

/** What the checks cannot show. */
export const limitsOfChecks: readonly string[] = [
  "A map that passes depends on the network, the class and the box. That does not make it right or complete: measure its faithfulness too (--measure).",
  "Random weights change what the network sees as well as what it decides. A map that keeps its place may follow edges of the image, or the place of the box's cell.",
  "A method that reads only activations shows what a layer responds to. It fails the class swap by design.",
  "The figures hold for the images, the detections and the method options of this check.",
];

/** For correlations that must be high. */
export function agreement({ low, high }: Interval): CheckVerdict {
  return low > SAME_PLACES ? "pass" : high < SAME_PLACES ? "fail" : "not-decided";
}

/** For correlations that must be low. */
export function difference({ low, high }: Interval): CheckVerdict {
  return high < SAME_PLACES ? "pass" : low > SAME_PLACES ? "fail" : "not-decided";
}

/** For margins that must be above 0. A margin of exactly 0 is no change. */
export function margin({ low, high }: Interval): CheckVerdict {
  return low > 0 ? "pass" : high <= 0 ? "fail" : "not-decided";
}

/** The worst of several verdicts. Checks that are not possible do not count. */
export function overall(verdicts: readonly CheckVerdict[]): CheckVerdict {
  const counted = verdicts.filter((verdict) => verdict !== "not-possible");
  if (counted.length === 0) return "not-possible";
  if (counted.includes("fail")) return "fail";
  return counted.includes("not-decided") ? "not-decided" : "pass";
}
