import type { CheckDocument, MeasurementSummary } from "@whybox/report";
import { count } from "../words.js";
import type { Evidence, Limit, LimitId } from "./schema.js";

/** Fewer images say little about others. */
const FEW_IMAGES = 30;

/** What the limits are derived from. */
export interface LimitFacts
  extends Pick<
    Evidence,
    | "question"
    | "stakeholder"
    | "run"
    | "model"
    | "machines"
    | "settings"
    | "sampling"
    | "images"
    | "failures"
    | "refusals"
    | "maps"
  > {
  readonly measured: MeasurementSummary | undefined;
  readonly check: CheckDocument | undefined;
  /** Number of images that changed since the run, and were not copied. */
  readonly changed: number;
}

/** What the evidence cannot show, and what was not done. The general limits come first. */
export function limitsOf(facts: LimitFacts): Limit[] {
  const found: (readonly [LimitId, string] | undefined)[] = [
    ...generalLimits(facts),
    ...statementLimits(facts),
    ...runLimits(facts),
    ...measurementLimits(facts.measured),
    ...checkLimits(facts),
    ...mapLimits(facts),
    ...recordLimits(facts),
  ];
  return found.filter((limit) => limit !== undefined).map(([id, text]) => ({ id, text }));
}

type Found = readonly [LimitId, string] | undefined;

function when(condition: boolean, id: LimitId, text: string): Found {
  return condition ? [id, text] : undefined;
}

function generalLimits({ images }: LimitFacts): Found[] {
  return [
    [
      "supporting-evidence",
      "A heatmap is supporting evidence and no proof. It shows which parts of an image the score of a detection depends on, as one method sees it. It does not show that the model is right, safe or fair.",
    ],
    [
      "these-images",
      `The results hold for this model file, these settings and ${images.length === 1 ? "this image" : `these ${count(images.length, "item")}`}. They say nothing about other images.`,
    ],
    [
      "unsigned",
      "SHA256SUMS finds changes that nobody meant to make. It does not show who made the bundle: whoever changes a file can also change the sums. Sign SHA256SUMS, or keep its digest elsewhere.",
    ],
  ];
}

function statementLimits({ question, stakeholder, sampling }: LimitFacts): Found[] {
  return [
    when(
      question === null,
      "question-not-stated",
      "The question is not stated, so nobody can judge whether this evidence answers it.",
    ),
    when(stakeholder === null, "stakeholder-not-stated", "It is not stated who asks."),
    when(
      sampling.stated === null,
      "sampling-not-stated",
      "It is not stated how the images were chosen. They may not represent the images that the model is used on.",
    ),
  ];
}

function runLimits({ run, images, failures, refusals }: LimitFacts): Found[] {
  const read = images.length - failures.length;
  return [
    when(
      read < FEW_IMAGES,
      "few-images",
      `Only ${count(read, "item was", "items were")} explained. That is too few for statements about others.`,
    ),
    when(
      !run.finished,
      "unfinished",
      `The run is not finished: ${run.done} of ${count(run.items, "item is", "items are")} done.`,
    ),
    when(
      failures.length > 0,
      "failures",
      `${count(failures.length, "item")} of ${run.done} could not be explained. They are listed.`,
    ),
    when(
      refusals.withoutDetections > 0,
      "without-detections",
      `${count(refusals.withoutDetections, "image has", "images or frames have")} no detection, so there is nothing to explain. An object that was missed is not in this evidence.`,
    ),
  ];
}

function measurementLimits(measured: MeasurementSummary | undefined): Found[] {
  if (measured === undefined) {
    return [
      [
        "not-measured",
        "Not measured: it is not known how faithful the maps are to the model (whybox run --measure measures it).",
      ],
    ];
  }
  const figures = measured.overall.figures;
  const isAbove = (side: "overGaussian" | "overRandom") => (figures?.image[side].low ?? 0) > 0;
  const isAboveInBox = (figures?.withinBox.overGaussian.low ?? 0) > 0;
  return [
    when(
      measured.failed > 0,
      "measurement-failures",
      `${count(measured.failed, "detection")} of the measured sample could not be measured.`,
    ),
    when(
      measured.isSmall,
      "few-measured-images",
      `The measured sample is small (${count(measured.measured, "detection")} in ${count(measured.images, "image")}), so its intervals are rough.`,
    ),
    when(
      !isAbove("overGaussian") && !isAboveInBox,
      "not-better-than-blob",
      "The maps are not shown to be more faithful than a blob at the box. They may show no more than where the box is.",
    ),
    when(
      !isAbove("overRandom"),
      "not-better-than-random",
      "The maps are not shown to be more faithful than random maps. Do not rely on them.",
    ),
  ];
}

function checkLimits({ check, settings }: LimitFacts): Found[] {
  if (check === undefined) {
    return [
      [
        "not-checked",
        "Not checked: it is not known whether the maps depend on what the model learned (whybox check, and --check).",
      ],
    ];
  }
  const own = check.methods.find(({ method }) => method === settings.method);
  return [
    when(
      own === undefined,
      "check-of-other-method",
      `The sanity checks do not cover ${settings.method}, the method of these maps.`,
    ),
    when(own?.verdict === "fail", "check-failed", `The sanity checks of the method failed: ${own?.sentence ?? ""}`),
    when(
      own !== undefined && ["undecided", "not-possible"].includes(own.verdict),
      "check-undecided",
      `The sanity checks of the method are undecided: ${own?.sentence ?? ""}`,
    ),
    when(
      check.control !== "fail",
      "check-without-control",
      `The control of the sanity checks, a Gaussian at the box, ${check.control === "undecided" ? "is undecided" : "did not fail"}, and it must fail. So the checks have shown nothing.`,
    ),
  ];
}

function mapLimits({ maps, refusals }: LimitFacts): Found[] {
  const { emptyMaps, withoutOwnMap, blind, carried } = refusals;
  return [
    when(
      maps.raw === null,
      "no-raw-maps",
      `The maps are stored in low resolution only (${maps.small.side} × ${maps.small.side} cells, 8 bits). whybox run --save npy stores them in full.`,
    ),
    when(
      emptyMaps > 0,
      "empty-maps",
      `${count(emptyMaps, "detection has", "detections have")} a map that is zero everywhere.`,
    ),
    when(
      withoutOwnMap > 0,
      "shared-maps",
      `${count(withoutOwnMap, "detection has", "detections have")} no own map: not explained, or one map for several detections.`,
    ),
    when(
      blind > 0,
      "blind-layers",
      `For ${count(blind, "detection")} the gradient is exactly zero at a layer, so the layer says nothing about it.`,
    ),
    when(
      carried > 0,
      "carried-maps",
      `${count(carried, "frame of a video has", "frames of videos have")} the maps of another frame.`,
    ),
  ];
}

function recordLimits({ images, changed, model, machines }: LimitFacts): Found[] {
  const later = images.filter(({ digestFrom }) => digestFrom === "bundle").length;
  const missing = images.filter(({ sha256 }) => sha256 === null).length;
  return [
    when(
      later > 0,
      "digests-taken-later",
      `The digest of ${count(later, "file")} was taken when the bundle was made, not when it was explained. The file may have changed in between.`,
    ),
    when(missing > 0, "digests-missing", `${count(missing, "item has", "items have")} no digest.`),
    when(
      changed > 0,
      "images-changed",
      `${count(changed, "image is", "images are")} missing or changed since the run, and not in the bundle.`,
    ),
    when(
      model.licence === null && model.licenceInFile === null,
      "licence-not-stated",
      "The licence of the model is not stated.",
    ),
    when(
      model.precision === null,
      "precision-not-stated",
      "The precision of the model is not stated. The run is of an older version.",
    ),
    when(
      machines.length === 0,
      "machine-not-stated",
      "The machine and the date are not stated. The run is of an older version.",
    ),
    when(
      machines.length > 1,
      "several-machines",
      `${machines.length} machines or versions of Node worked on the run. Different processors may round differently.`,
    ),
  ];
}
