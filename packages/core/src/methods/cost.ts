import type { AnyCamMethod } from "./index.js";
import { readsGradients } from "./needs.js";

/** How long a method takes with its defaults, compared with a detection: not much longer, some passes longer, or dozens of passes longer. */
export type Cost = "fast" | "slower" | "slow";

/** The work of a method besides the forward pass, which every explanation needs. */
export interface MethodCost {
  readonly cost: Cost;
  /** The passes as text: "none", "1 backward pass". */
  readonly passes: string;
}

interface Work extends MethodCost {
  is(method: AnyCamMethod): boolean;
}

/** All kinds of work, from the cheapest to the most expensive. */
const works: readonly Work[] = [
  { cost: "fast", passes: "1 backward pass", is: (method) => readsGradients(method) && depthOf(method) === "layer" },
  {
    cost: "slower",
    passes: "1 backward pass to the early layers",
    is: (method) => readsGradients(method) && depthOf(method) === "early layers",
  },
  {
    cost: "slower",
    passes: "1 backward pass to the image",
    is: (method) =>
      (readsGradients(method) && depthOf(method) === "image") || needsOne(method, ["biases", "guidedGradients"]),
  },
  { cost: "slower", passes: "2 to 4 passes after the layer", is: (method) => needsOne(method, ["curvature"]) },
  {
    cost: "slower",
    passes: "1 score for each channel of the layer",
    is: (method) => needsOne(method, ["tail"]) && method.ablates === true,
  },
  {
    cost: "slow",
    passes: "up to 1 pass after the layer for each of its cells",
    is: (method) => needsOne(method, ["tail"]) && method.ablates !== true,
  },
  {
    cost: "slow",
    passes: "hundreds of forward passes, and a few backward passes to the image",
    is: (method) => needsOne(method, ["blends"]),
  },
  { cost: "slow", passes: "many forward passes", is: (method) => needsOne(method, ["masked"]) },
  { cost: "slow", passes: "many forward and backward passes", is: (method) => needsOne(method, ["pixels"]) },
];

/** The cost of a method, from what it needs. The command and the page show it. */
export function methodCost(method: AnyCamMethod): MethodCost {
  const own = works.filter(({ is }) => is(method));
  return { cost: own.at(-1)?.cost ?? "fast", passes: own.map(({ passes }) => passes).join(", ") || "none" };
}

function depthOf({ reads, auto }: AnyCamMethod): "layer" | "early layers" | "image" {
  if (reads === "input") return "image";
  return auto?.startsWith("taps") ? "early layers" : "layer";
}

function needsOne({ needs }: AnyCamMethod, wanted: AnyCamMethod["needs"]): boolean {
  return wanted.some((need) => needs.includes(need));
}
