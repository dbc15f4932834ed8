import { describe, expect, it } from "vitest";
import { classSentence, mapSentence, type SentenceFacts } from "../src/map-sentence.js";

const inside: SentenceFacts = { className: "dog", inBox: 0.86, area: 0.13, peakInBox: true, dependsOnScore: true };
const w = { id: "w", title: "Box width" };
const h = { id: "h", title: "Box height" };

describe("the sentence on a map", () => {
  it.each<[string, Partial<SentenceFacts>]>([
    ["The detector's confidence in this dog depends on the dog itself.", {}],
    [
      "The detector's confidence in this dog depends mostly on the area inside its box, and partly on its surroundings.",
      { inBox: 0.6 },
    ],
    ["The detector's confidence in this dog depends on the dog and its surroundings.", { inBox: 0.3 }],
    [
      "The detector's confidence in this dog depends mostly on the surroundings of its box.",
      { inBox: 0.3, peakInBox: false },
    ],
    [
      "The detector's confidence in this dog depends on the area of its box, which is 90\u00a0% of the image.",
      { inBox: 0.95, area: 0.9 },
    ],
    ["The preference for dog over cat depends on the dog itself.", { versus: "cat", scores: [w] }],
    ["The score “Box width” of this dog depends on the dog itself.", { scores: [w] }],
    ["The scores “Box width” and “Box height” of this dog depend on the dog itself.", { scores: [w, h] }],
    ["The detector's confidence in this dog depends on the dog itself.", { scores: [{ id: "class", title: "C" }] }],
    ["Where this layer is most active.", { dependsOnScore: false }],
  ])("%s", (sentence, facts) => {
    expect(mapSentence({ ...inside, ...facts })).toBe(sentence);
  });

  it.each<[string, Partial<SentenceFacts>]>([
    ["The heat shows which parts of the image support the class dog.", {}],
    ["The heat shows which parts of the image support the class dog rather than cat.", { versus: "cat" }],
    ["Where this layer is most active.", { dependsOnScore: false }],
  ])("of a class: %s", (sentence, facts) => {
    expect(classSentence({ ...inside, ...facts })).toBe(sentence);
  });
});
