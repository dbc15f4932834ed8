import { defaultMethods, defaultScores, dependsOnScore, type MethodCost, methodCost } from "@whybox/core";

// The page's descriptions of methods and scores. The build embeds the values in the page (plugins/engine-facts.ts).

export interface MethodChoice extends MethodCost {
  readonly id: string;
  readonly title: string;
  /** One sentence for newcomers. */
  readonly what: string;
  readonly paper: string;
  /** True if the user can choose a layer. */
  readonly takesLayer: boolean;
  /** True if the map depends on the box and the score. False for methods that show only the activations of the layer. */
  readonly dependsOnScore: boolean;
}

export interface ScoreChoice {
  readonly id: string;
  readonly title: string;
  /** One line about the score. */
  readonly what: string;
}

/** Descriptions of methods. A method without a description (for example a new one in core) is described by its cost. */
const sentences: Readonly<Record<string, string>> = {
  GradCAM: "Sums the channels of the layer, each weighted by its mean gradient.",
  HiResCAM: "Activation times gradient at each position, without averaging the gradient.",
  GradCAMElementWise: "Activation times gradient at each position, keeping positive values only.",
  "GradCAM++": "Grad-CAM with weights for several objects of the same class.",
  XGradCAM: "Grad-CAM with gradients scaled by their activations.",
  LayerCAM: "Weights each position by its positive gradient. The maps are finer, in early layers too.",
  EigenCAM: "The main component of the activations, for any class. It needs no gradient.",
  EigenGradCAM: "The main component of activation times gradient. It has less noise and depends on the class.",
  FullGrad: "Adds the gradients of all biases of the network on the image.",
  AblationCAM: "Removes one channel after another and measures how far the score falls.",
  ScoreCAM: "Masks the image with each channel and weights the channel by the score.",
  RandomCAM: "Uses random weights. It is a control that shows a map without information.",
  "KPCA-CAM": "Eigen-CAM with a kernel, so the main component can be non-linear.",
  ShapleyCAM: "Grad-CAM that also uses the curvature of the score.",
  FinerCAM: "The difference between this class and the most similar ones.",
  FEM: "Shows unusually strong activations, for any class.",
  SegEigenCAM: "Eigen-CAM, weighted by gradients and with a corrected sign.",
  DeepFeatureFactorization: "Splits the layer into a few concepts and shows the one that supports the class.",
  GuidedBackprop: "The gradient of the pixels, passing only positive values back.",
  GuidedGradCAM: "Guided backpropagation times Grad-CAM. It shows fine lines in the areas that matter.",
  RefineCAM: "Sharpens a coarse map step by step with finer layers.",
  "tap-fusion":
    "Combines maps from several depths, from fine to coarse. In our measurements it is the most faithful of the quick methods for one box.",
  "tap-fusion-fast": "Tap fusion with fewer depths. It is nearly as faithful and faster.",
  search:
    "Compares many maps of one box by what happens when their hottest parts are hidden, and shows the best. It takes some seconds for each box.",
  ODAM: "Made for detectors. Weights each activation by the gradient at its position.",
  "SSGrad-CAM": "Grad-CAM with weights that depend on the position of the gradient.",
  "SSGrad-CAM++": "Grad-CAM++ with weights that depend on the position of the gradient.",
  "G-CAME": "Grad-CAM times a Gaussian around the cell that predicted the box.",
  "Recipro-CAM": "Keeps one position of the layer at a time and measures the score.",
  DetClassProbabilityMap: "The detector's class probability at each position, before boxes are selected.",
  "D-RISE":
    "Hides random parts of the image many times and shows the parts that keep the box. It is slow and needs no gradient.",
  gradient: "How much a change of each pixel changes the score.",
  "gradient-x-input": "The gradient of each pixel times the pixel.",
  SmoothGrad: "The gradient, averaged over noisy copies of the image.",
  IntegratedGradients: "Gradients added along a path from black to the image.",
};

const scores: Readonly<Record<string, string>> = {
  class: "The confidence in the class.",
  confidence: "The confidence that there is an object.",
  class_confidence: "The confidence in an object of this class: the number next to the box.",
  class_sum: "The class in the whole image, not only in this box.",
  row: "The number next to the box, from the prediction row of the box.",
  row_logit: "The class logit of that prediction row, before the sigmoid.",
  finer: "The difference between the class and the three most similar ones.",
  x_c: "The horizontal position of the box.",
  y_c: "The vertical position of the box.",
  w: "The width of the box.",
  h: "The height of the box.",
  mask: "The mask. Needs a model with masks.",
  keypoints: "The keypoints. Needs a model with keypoints.",
  angle: "The angle of the box. Needs a model with rotated boxes.",
};

/** All methods, in the engine's order. */
export const methodChoices: readonly MethodChoice[] = defaultMethods.map((method) => ({
  id: method.id,
  title: method.title,
  what: sentences[method.id] ?? `${method.title}. Passes besides the forward pass: ${methodCost(method).passes}.`,
  ...methodCost(method),
  paper: method.paper,
  takesLayer: (method.reads ?? "layers") === "layers",
  dependsOnScore: dependsOnScore(method),
}));

/** All scores that can be selected. */
export const scoreChoices: readonly ScoreChoice[] = defaultScores
  .filter(({ id }) => id !== "contrast")
  .map(({ id, title }) => ({ id, title, what: scores[id] ?? "The position of this side of the box." }));
