import { colormapNames, defaultMethods, defaultScores, resolveMethod, resolveScore } from "@whybox/core";
import type { Choices } from "./context.js";
import { methodFacts } from "./method-facts.js";

/** The names that core knows. */
export function coreChoices(): Choices {
  return {
    colormaps: colormapNames,
    methods: defaultMethods.map(methodFacts),
    scores: defaultScores.map((score) => score.id),
    methodId: (name) => resolveMethod(name).id,
    scoreId: (name) => resolveScore(name).id,
  };
}
