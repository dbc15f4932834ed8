import { describe, expect, it } from "vitest";
import { failure, settle } from "./fake-engine.js";
import { photo, started, withPhoto } from "./started-controller.js";

describe("out of memory", () => {
  it("starts a new worker with the same model, and makes no further request", async () => {
    const { controller, fake } = await withPhoto({ method: "GradCAM" });
    fake.held.add("activations");
    controller.lookAtLayers();
    fake.failures.set("explain", failure("runtime", "OOM", { outOfMemory: true }));
    controller.set({ method: "HiResCAM" });
    await settle();
    expect(controller.state.map).toMatchObject({ running: undefined, failure: { code: "memory" } });
    // Pending calls of the old worker fail too.
    expect(controller.state.thumbnails).toEqual([]);
    expect([fake.started, fake.closed]).toEqual([2, 1]);
    expect(fake.names().slice(5).sort()).toEqual(["explain", "open"]);
    expect(controller.state.found.phase).toBe("ready");
    fake.failures.clear();
    controller.select(2);
    await settle();
    expect(controller.state.map.shown?.heat.detections).toEqual([2]);
    expect(fake.started).toBe(2);
  });

  it("starts a new worker after a model or a photo that is too large", async () => {
    const { controller, fake } = started();
    fake.failures.set("open", failure("runtime", "OOM", { outOfMemory: true }));
    await controller.openModel();
    expect(fake.names()).toEqual(["open"]);
    expect([fake.started, fake.closed]).toEqual([2, 1]);
    expect(controller.state.model).toMatchObject({ phase: "failed", failure: { code: "memory" } });
    fake.failures.clear();
    await controller.openModel();
    fake.failures.set("decode", failure("runtime", "OOM", { outOfMemory: true }));
    await controller.openPhoto("dog.jpg", photo);
    expect(controller.state.note).toMatchObject({ what: "photo", failure: { code: "memory" } });
    expect(fake.names()).toEqual(["open", "open", "decode", "open"]);
    expect([fake.started, fake.closed]).toEqual([3, 2]);
  });

  it("reports an error when the model does not fit into the new worker either", async () => {
    const { controller, fake } = await withPhoto({ method: "GradCAM" });
    fake.failures.set("explain", failure("runtime", "OOM", { outOfMemory: true }));
    fake.failures.set("open", failure("runtime", "OOM again", { outOfMemory: true }));
    controller.set({ method: "HiResCAM" });
    await settle();
    expect(controller.state.model).toMatchObject({ phase: "failed", failure: { message: "OOM again" } });
    expect(fake.started).toBe(3);
  });
});
