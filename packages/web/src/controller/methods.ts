import { type MethodChoice, methodChoices, scoreChoices } from "./engine-facts.js";

export { type MethodChoice, methodChoices, type ScoreChoice, scoreChoices } from "./engine-facts.js";

export function methodOf(id: string): MethodChoice {
  return methodChoices.find((choice) => choice.id === id) ?? methodChoices[0]!;
}

/** Choices that are not scores: the method's default, and the comparison with another class. */
const others: Readonly<Record<string, string>> = {
  auto: "The method's default score: usually the confidence in the class.",
  contrast: "The evidence for this class and against the other one.",
};

export function scoreText(id: string): string {
  return others[id] ?? scoreChoices.find((choice) => choice.id === id)?.what ?? "";
}
