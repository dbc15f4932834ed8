import { describe, expect, it } from "vitest";
import { shownRegion } from "../src/ui/region.js";
import { failure, settle } from "./fake-engine.js";
import { withPhoto } from "./started-controller.js";

/** A page that measures the first map, and waits for the engine. */
async function measuring() {
  const both = await withPhoto({ method: "GradCAM" });
  both.fake.held.add("explain");
  both.controller.measure();
  await settle();
  return both;
}

describe("measuring the shown map", () => {
  it("asks for its own request with measure, shows the runs, and keeps the map", async () => {
    const { controller, fake } = await measuring();
    const { shown } = controller.state.map;
    expect(fake.last("explain")).toMatchObject({ method: "GradCAM", detections: [0], per: "detection", measure: true });
    fake.tells.at(-1)!({ done: 5, total: 70 });
    expect(controller.state.measuring).toEqual({ phase: "running", progress: { done: 5, total: 70 } });
    fake.release("explain");
    await settle();
    expect(controller.state.measuring).toMatchObject({ phase: "ready", measurement: { className: "dog" } });
    expect(controller.state.map.shown).toBe(shown);
  });

  it("shows the smallest region of the map while the user wants it, and the heat below the pointer first", async () => {
    const { controller, fake } = await measuring();
    controller.showRegion(true);
    expect(shownRegion(controller.state)).toBeUndefined();
    fake.release("explain");
    await settle();
    expect(shownRegion(controller.state)).toBeUndefined();
    controller.showRegion(true);
    const label = "The hottest 25\u00a0% of the pixels: they alone restore half of the confidence in this dog.";
    expect(shownRegion(controller.state)).toEqual({ share: 0.25, within: undefined, label });
    const preview = controller.state.map.shown!.heat;
    expect(shownRegion({ ...controller.state, preview })).toBeUndefined();
    controller.showRegion(false);
    expect(shownRegion(controller.state)).toBeUndefined();
    controller.showRegion(true);
    controller.select(1);
    expect(shownRegion(controller.state)).toBeUndefined();
  });

  it("cancels for another box, whose map comes at once, and removes what belongs to the former map", async () => {
    const { controller, fake } = await measuring();
    fake.held.clear();
    controller.select(1);
    await settle();
    expect(fake.cancelled.at(-1)?.request).toMatchObject({ measure: true });
    expect(controller.state.map.shown?.heat.detections).toEqual([1]);
    expect(controller.state.measuring).toBeUndefined();
    fake.release("explain");
    await settle();
    expect(controller.state.measuring).toBeUndefined();
  });

  it("is interrupted by an export and starts again, and ends with Cancel", async () => {
    const { controller, fake } = await measuring();
    const before = fake.calls.length;
    await controller.png();
    await settle();
    expect(fake.calls.slice(before).map(({ name }) => name)).toEqual(["draw", "explain"]);
    expect(fake.cancelled).toHaveLength(1);
    expect(controller.state.measuring?.phase).toBe("running");
    controller.stopMeasuring();
    expect(controller.state.measuring).toBeUndefined();
    await controller.png();
    await settle();
    expect(fake.names().slice(-2)).toEqual(["explain", "draw"]);
  });

  it("makes no preview meanwhile, and says why it failed", async () => {
    const { controller, fake } = await measuring();
    const before = fake.calls.length;
    controller.hover(2);
    await settle();
    expect(fake.calls).toHaveLength(before);
    fake.failures.set("explain", failure("runtime", "no memory"));
    fake.release("explain");
    await settle();
    expect(controller.state.measuring).toMatchObject({ phase: "failed", failure: { message: "no memory" } });
  });

  it("does not measure the map of several detections or of the whole image", async () => {
    const { controller, fake } = await withPhoto({ method: "GradCAM" });
    for (const choose of [() => controller.select(1, true), () => controller.selectWhole()]) {
      choose();
      await settle();
      controller.measure();
      await settle();
      expect(fake.last("explain")).not.toHaveProperty("measure");
      expect(controller.state.measuring).toBeUndefined();
    }
  });
});
