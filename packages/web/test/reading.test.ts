import type { Detection, LayerDiagnosis } from "@whybox/core";
import { describe, expect, it } from "vitest";
import { defaultSettings, type Settings } from "../src/controller/settings.js";
import type { ShownMap, State } from "../src/controller/state.js";
import { questionText, readMap } from "../src/ui/reading.js";

const names = ["dog", "bicycle", "car", "truck"];
const list = names.map((className, index) => ({ index, className })) as unknown as Detection[];

interface Case {
  readonly inside?: number;
  readonly method?: string;
  readonly selection?: readonly number[];
  readonly settings?: Partial<Settings>;
  readonly empty?: string;
  readonly layers?: readonly Partial<LayerDiagnosis>[];
  readonly patch?: Partial<State>;
}

function state({ inside = 0.86, method = "tap-fusion", selection = [0], settings, empty, layers, patch }: Case): State {
  const energy = selection.length === 1 ? { inside, area: 0.13 } : undefined;
  const shown = { method, empty, facts: { energy, peak: undefined }, explanation: layers && { layers } };
  return {
    found: { phase: "ready", list, ms: 1 },
    selection,
    whole: false,
    settings: { ...defaultSettings, ...settings },
    map: { shown: shown as unknown as ShownMap, running: undefined, progress: undefined, failure: undefined },
    ...patch,
  } as State;
}

describe("the description of a map", () => {
  it("says what the confidence depends on", () => {
    expect(readMap(state({}))).toEqual({
      sentence: "The detector's confidence in this dog depends on the dog itself.",
      cautions: [],
    });
    expect(readMap(state({ inside: 0.6 }))?.sentence).toContain("partly on its surroundings");
  });

  it("warns of a map that is mostly outside its box", () => {
    const { sentence, cautions } = readMap(state({ inside: 0.2 }))!;
    expect(sentence).toContain("surroundings of its box");
    expect(cautions).toEqual([expect.stringContaining("80\u00a0%")]);
  });

  it("warns of methods that do not depend on the question, and draws no conclusion from them", () => {
    const { sentence, cautions } = readMap(state({ inside: 0.2, method: "EigenCAM" }))!;
    expect(sentence).toBe("Where this layer is most active.");
    expect(cautions).toEqual([expect.stringContaining("Eigen-CAM does not depend on the box or the score")]);
  });

  it("repeats the engine's warnings about layers that do not affect the selection, once each", () => {
    const layers = [
      { blind: [0], message: "Layer 23 cannot see it." },
      { blind: [0], message: "Layer 23 cannot see it." },
      { blind: [2], message: "Of another." },
      { blind: [], message: undefined },
    ];
    expect(readMap(state({ layers }))?.cautions).toEqual(["Layer 23 cannot see it."]);
  });

  it("names the question", () => {
    expect(readMap(state({ settings: { versus: "cat" } }))?.sentence).toMatch(/^The preference for dog over cat/);
    expect(readMap(state({ settings: { score: "w" } }))?.sentence).toMatch(/^The score “Box width” of this dog/);
    expect(readMap(state({ selection: [0, 1] }))?.sentence).toContain("these 2");
    expect(questionText(state({ selection: [0, 1] }))).toBe("Why dog and bicycle?");
    expect(questionText(state({ selection: [0, 1, 2, 3] }))).toBe("Why these 4?");
    expect(questionText(state({ settings: { versus: "cat" } }))).toBe("Why dog and not cat?");
    expect(questionText(state({ selection: [], patch: { whole: true } }))).toBe("The whole image");
    const ownBox = { x1: 0, y1: 0, x2: 9, y2: 9, className: "cat" };
    expect(questionText(state({ selection: [], patch: { ownBox } }))).toBe("Why no cat here?");
    expect(readMap(state({ selection: [], patch: { ownBox } }))?.sentence).toContain("support a cat there");
  });

  it("says nothing without a map or without heat", () => {
    expect(readMap(state({ empty: "nothing there" }))).toBeUndefined();
    expect(readMap(state({ patch: { map: { ...state({}).map, shown: undefined } } }))).toBeUndefined();
  });
});
