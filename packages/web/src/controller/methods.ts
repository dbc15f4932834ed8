import { type MethodChoice, methodChoices, scoreChoices } from "./engine-facts.js";

export { type Cost, type MethodChoice, methodChoices, type ScoreChoice, scoreChoices } from "./engine-facts.js";

export function methodOf(id: string): MethodChoice {
  return methodChoices.find((choice) => choice.id === id) ?? methodChoices[0]!;
}

/** What is no score by itself: the method's own, and the comparison with another class. */
const others: Readonly<Record<string, string>> = {
  auto: "What the method was made for: mostly how sure the detector is of the class.",
  contrast: "What speaks for this class and against the other.",
};

/** What a score asks, in a line. */
export function scoreText(id: string): string {
  return others[id] ?? scoreChoices.find((choice) => choice.id === id)?.what ?? "";
}
