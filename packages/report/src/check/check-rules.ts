import type { Interval } from "@whybox/core";

/** The checks, in the order of the table. */
export const checkIds = ["weights", "class-swap", "box-swap", "noise", "seed", "repeat"] as const;
export type CheckId = (typeof checkIds)[number];

/** "not-possible": the check does not apply to the model, the method or the images. */
export type CheckVerdict = "pass" | "fail" | "undecided" | "not-possible";

/**
 * Limit of correlations: two maps with a higher one show the same places, as in `whybox compare`. Also the limit of shares: more than half of the maps.
 * Adebayo et al. 2018 and Padmanabhan et al. 2023 judge by plots and give none.
 */
export const LIMIT = 0.5;

/** An interval over fewer images says too little. */
export const MIN_IMAGES = 5;

/** What each check asks, and when it passes. */
export const checkRules: Readonly<
  Record<CheckId, { readonly title: string; readonly question: string; readonly rule: string }>
> = {
  weights: {
    title: "random weights",
    question: "Does the map change when the weights of the network are random?",
    rule: `Passes if the rank correlation with the original map is below ${LIMIT} when all weights are random: of the cells of the box, beyond what a Gaussian at the box explains of both maps.`,
  },
  "class-swap": {
    title: "class swap",
    question: "Does the map of the same box change when it is asked about another class?",
    rule: "Passes if another class changes more than half of the maps more than small noise on the image does.",
  },
  "box-swap": {
    title: "box swap",
    question: "Does another detection of the image have another map?",
    rule: "Passes if more than half of the maps differ from that of another detection more than small noise on the image changes them.",
  },
  noise: {
    title: "noise",
    question: "Does the map stay when small noise is added to the image?",
    rule: `Passes if the rank correlation with the original map is above ${LIMIT}.`,
  },
  seed: {
    title: "another seed",
    question: "Does the map stay when the method draws other random numbers?",
    rule: `Passes if the rank correlation with the original map is above ${LIMIT}.`,
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
  "The gradient of a box is zero far from it, in a random network too. So the map of a random network is near the box as well, and the correlation over the image stays high. The verdict is made within the box.",
  "A method that reads only activations shows what a layer responds to. It fails the class swap by design, but for maps whose sign depends on the class (EigenCAM).",
  "The figures hold for the images, the detections and the method options of this check.",
];

/** For figures that must be high. */
export function high(interval: Interval): CheckVerdict {
  return interval.low > LIMIT ? "pass" : interval.high < LIMIT ? "fail" : "undecided";
}

/** For figures that must be low. */
export function low(interval: Interval): CheckVerdict {
  return interval.high < LIMIT ? "pass" : interval.low > LIMIT ? "fail" : "undecided";
}

/** Why the checks with this verdict have it, if all have the same reason. */
export function commonReason(
  checks: readonly { readonly verdict: CheckVerdict; readonly why: string | null }[],
): string | null {
  const [first, ...others] = new Set(checks.filter(({ verdict }) => verdict === "undecided").map(({ why }) => why));
  return others.length === 0 ? (first ?? null) : null;
}

/** The worst of several verdicts. Checks that are not possible do not count. */
export function overall(verdicts: readonly CheckVerdict[]): CheckVerdict {
  const counted = verdicts.filter((verdict) => verdict !== "not-possible");
  if (counted.length === 0) return "not-possible";
  if (counted.includes("fail")) return "fail";
  return counted.includes("undecided") ? "undecided" : "pass";
}
