import { type AnyCamMethod, defaultMethods, defaultScores } from "@whybox/core";

// What the page tells of methods and scores. The build puts the values into the page (plugins/data-as-files.ts): it needs no numerics.

/** How much more than a detection a method takes, roughly. */
export type Cost = "fast" | "slower" | "slow";

export interface MethodChoice {
  readonly id: string;
  readonly title: string;
  /** One sentence for somebody who has never heard of it. */
  readonly what: string;
  readonly cost: Cost;
  /** What the cost is made of. */
  readonly runs: string;
  readonly paper: string;
  /** Whether a layer can be chosen. */
  readonly takesLayer: boolean;
  /** Whether the map depends on what is asked; false for those that show what is strong in the layer, whatever the box. */
  readonly asksScore: boolean;
}

export interface ScoreChoice {
  readonly id: string;
  readonly title: string;
  /** What it asks, in a line. */
  readonly what: string;
}

/** In words for people. A method that is not here (one that is new in core) is described by what it runs. */
const sentences: Readonly<Record<string, string>> = {
  GradCAM: "Which parts of the layer push the score up, weighted by the mean gradient of each channel.",
  HiResCAM: "Activation times gradient, place by place: nothing is averaged away.",
  GradCAMElementWise: "Activation times gradient, keeping what is positive at each place.",
  "GradCAM++": "Grad-CAM with weights that favour several instances of one thing.",
  XGradCAM: "Grad-CAM with gradients scaled by the activations they belong to.",
  LayerCAM: "Positive gradients weigh each place by itself: finer maps, in early layers too.",
  EigenCAM: "What dominates the layer, whatever the class: it asks for no gradient.",
  EigenGradCAM: "What dominates activation times gradient: less noise, and it knows the class.",
  FullGrad: "The gradients of all biases of the network, added up on the picture.",
  AblationCAM: "Switches off one channel after another and looks how far the score falls.",
  ScoreCAM: "Shows the network the picture through each channel and keeps what it recognises.",
  RandomCAM: "Random weights: what a map looks like that knows nothing. A control.",
  "KPCA-CAM": "Eigen-CAM with a curved notion of what belongs together.",
  ShapleyCAM: "Grad-CAM with the curvature of the score taken along.",
  FinerCAM: "What tells this class from those most like it.",
  FEM: "Where activations are unusually strong, whatever the class.",
  SegEigenCAM: "Eigen-CAM, weighted by gradients and with its sign put right.",
  DeepFeatureFactorization: "Splits the layer into a few concepts and shows the one that speaks for the class.",
  GuidedBackprop: "The gradient on the pixels, letting only positive evidence through.",
  GuidedGradCAM: "Guided backpropagation where Grad-CAM is warm: fine lines in the right place.",
  RefineCAM: "Sharpens a coarse map step by step with finer layers.",
  "tap-fusion": "Fuses maps from several depths, from fine to coarse. The most faithful map of one box as measured.",
  "tap-fusion-fast": "Tap fusion with fewer depths: nearly as faithful, in less time.",
  ODAM: "Made for detectors: the gradient at each place weighs the activation there.",
  "SSGrad-CAM": "Grad-CAM with weights that know where the gradient lies.",
  "SSGrad-CAM++": "Grad-CAM++ with weights that know where the gradient lies.",
  "G-CAME": "A Gaussian around the cell that found the box, on Grad-CAM.",
  "Recipro-CAM": "Lets one place of the layer through at a time and looks at the score.",
  DetClassProbabilityMap: "What the detector itself says at each place, before boxes are chosen.",
  "D-RISE":
    "Hides random parts of the picture, many times, and keeps what the box survives on. Slow, and needs no gradient.",
  gradient: "How much each pixel would change the score.",
  "gradient-x-input": "The gradient of each pixel times the pixel.",
  SmoothGrad: "The gradient, averaged over noisy copies of the picture.",
  IntegratedGradients: "Gradients added up on the way from black to the picture.",
};

/** What each score is, in a line. */
const scores: Readonly<Record<string, string>> = {
  class: "How sure the detector is of the class.",
  confidence: "How sure it is that there is an object at all.",
  class_confidence: "An object and its class together: the number beside the box.",
  class_sum: "The class anywhere in the picture, not only in this box.",
  row: "The number beside the box, of the one row that made it.",
  row_logit: "The class in that row, before it is squeezed into a probability.",
  finer: "What tells the class from the three most like it.",
  x_c: "What puts the box where it is, left or right.",
  y_c: "What puts the box where it is, up or down.",
  w: "What makes the box so wide.",
  h: "What makes the box so high.",
  mask: "What shapes the mask. Needs a model with masks.",
  keypoints: "What finds the keypoints. Needs a model with keypoints.",
  angle: "What turns the box. Needs a model with turned boxes.",
};

/** Every method of the engine, in its order. */
export const methodChoices: readonly MethodChoice[] = defaultMethods.map((method) => ({
  id: method.id,
  title: method.title,
  what: sentences[method.id] ?? `${method.title}: ${runsOf(method)}.`,
  ...costOf(method),
  paper: method.paper,
  takesLayer: (method.reads ?? "layers") === "layers",
  asksScore: method.needs.some((need) => need !== "activations" && need !== "scoreMap"),
}));

/** Every score that can be asked for by itself. */
export const scoreChoices: readonly ScoreChoice[] = defaultScores
  .filter(({ id }) => id !== "contrast")
  .map(({ id, title }) => ({ id, title, what: scores[id] ?? "What decides where this side of the box lies." }));

function costOf(method: AnyCamMethod): { cost: Cost; runs: string } {
  const needs = new Set<string>(method.needs);
  const slow = ["tail", "masked", "pixels"].some((need) => needs.has(need));
  const deep = ["biases", "guidedGradients", "curvature"].some((need) => needs.has(need));
  const slower = deep || method.reads === "input" || method.auto?.startsWith("taps");
  return { cost: slow ? "slow" : slower ? "slower" : "fast", runs: runsOf(method) };
}

function runsOf({ needs, reads, auto }: AnyCamMethod): string {
  const asks = (need: string): boolean => (needs as readonly string[]).includes(need);
  if (asks("pixels")) return "many passes forward and back";
  if (asks("masked")) return "the network many times";
  if (asks("tail")) return "the end of the network many times";
  if (asks("biases") || asks("guidedGradients") || reads === "input") return "a pass back to the picture";
  if (asks("curvature")) return "a few passes behind the layer";
  if (auto?.startsWith("taps")) return "a pass back to the early layers";
  if (asks("gradients") || asks("gradientMeans")) return "a short pass back";
  return "no pass of its own";
}
