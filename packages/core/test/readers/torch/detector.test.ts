import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { listLayers } from "../../../src/detector/layers.js";
import { readModel } from "../../../src/readers/read-model.js";
import { anchorHead } from "../../support/anchor-head.js";

const fixture = (name: string) => readFileSync(new URL(`../../../../../fixtures/torch/${name}`, import.meta.url));

describe.each(["yolov5-v7", "yolov5-v5"])("%s, made by PyTorch", (name) => {
  it("is a detector with layers, names and strides", () => {
    const model = readModel(fixture(`${name}.pt`));
    const head = anchorHead(model.graph);
    expect(head.levels.map(({ stride }) => stride)).toEqual([8, 16]);
    const layers = listLayers(model.graph, head);
    expect(layers.map(({ index }) => index)).toEqual(
      name === "yolov5-v7" ? [0, 1, 2, 3, 4, 5, 6, 7, 8] : [0, 1, 2, 3, 4, 5],
    );
    expect(model.metadata.get("names")).toBe(`{0: 'cat', 1: "it's"}`);
    expect(model.metadata.get("stride")).toBe("16");
  });
});
