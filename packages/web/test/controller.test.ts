import { describe, expect, it, vi } from "vitest";
import type { Settings } from "../src/controller/settings.js";
import { failure, settle } from "./fake-engine.js";
import { photo, started, withPhoto } from "./started-controller.js";

describe("opening", () => {
  it("detects when the model and the photo are ready, and explains the most confident detection", async () => {
    const { controller, fake } = await withPhoto({ method: "GradCAM" });
    expect(fake.names()).toEqual(["open", "decode", "detect", "explain"]);
    expect(controller.state.selection).toEqual([0]);
    expect(controller.state.map.shown?.heat.detections).toEqual([0]);
    expect(controller.state.map.running).toBeUndefined();
  });

  it("reports the progress of opening a model, and why it failed", async () => {
    const { controller, fake } = started();
    const seen: unknown[] = [];
    controller.subscribe(() => seen.push(controller.state.model));
    fake.failures.set("open", failure("download", "", { absent: true }));
    await controller.openModel();
    expect(seen).toContainEqual({ phase: "opening", name: "the default weights", progress: undefined });
    expect(controller.state.model).toMatchObject({ phase: "failed", failure: { code: "absent" } });
  });

  it("opens a model again when a file comes that it missed, and keeps the photo", async () => {
    const { controller, fake } = await withPhoto();
    fake.failures.set("open", failure("bad-input", "w.bin is missing", { externalData: ["sub/w.bin"] }));
    await controller.openModel({ kind: "file", file: new File([], "m.onnx") });
    expect(controller.completeModel([new File([], "other.bin")])).toBe(false);
    expect(controller.state.photo.phase).toBe("ready");
    fake.failures.clear();
    const missed = new File([], "w.bin");
    expect(controller.completeModel([missed])).toBe(true);
    await settle();
    expect(fake.last("open")).toMatchObject({ weights: { name: "m.onnx" }, beside: [missed] });
    expect(controller.state.found.phase).toBe("ready");
    expect(controller.completeModel([missed])).toBe(false);
  });

  it("opens a model of the user again when the description of its images comes, in place of an earlier one", async () => {
    const { controller, fake } = await withPhoto();
    const config = () => new File(["{}"], "preprocessor_config.json");
    expect(controller.completeModel([config()])).toBe(false);
    const data = new File([], "w.bin");
    await controller.openModel({ kind: "file", file: new File([], "m.onnx"), beside: [data, config()] });
    const later = config();
    expect(controller.completeModel([later])).toBe(true);
    await settle();
    const { beside } = fake.last("open") as { readonly beside: readonly File[] };
    expect(beside.map((file) => [data, later].indexOf(file))).toEqual([0, 1]);
    expect(controller.state.found.phase).toBe("ready");
  });

  it("cancels opening a model, and opens another", async () => {
    const { controller, fake } = started();
    fake.held.add("open");
    const opening = controller.openModel();
    await settle();
    controller.cancelOpening();
    expect(controller.state.model).toMatchObject({ phase: "failed", failure: { code: "cancelled" } });
    fake.release("open");
    await opening;
    expect(fake.cancelled).toHaveLength(1);
    expect(controller.state.model.phase).toBe("failed");
    await controller.openModel();
    controller.cancelOpening();
    expect(controller.state.model.phase).toBe("ready");
    // A model that comes although it was cancelled is not taken.
    fake.held.add("open");
    const other = controller.openModel({ kind: "file", file: new File([], "late.onnx") });
    await settle();
    controller.cancelOpening();
    expect(controller.state.model).toMatchObject({ phase: "ready", model: { report: { name: "YOLOv5s" } } });
    fake.release("open");
    await other;
    await settle();
    expect(controller.state.model).toMatchObject({ phase: "ready", model: { report: { name: "YOLOv5s" } } });
    expect(fake.disposed).toEqual([]);
  });

  it("keeps a photo until the model is ready", async () => {
    const { controller, fake } = started();
    await controller.openPhoto("dog.jpg", photo);
    expect(controller.state.found.phase).toBe("none");
    await controller.openModel();
    await settle();
    expect(fake.names()).toContain("detect");
    expect(controller.state.found.phase).toBe("ready");
  });

  it("reports an invalid photo, and opens the next", async () => {
    const { controller, fake } = started();
    fake.failures.set("decode", failure("bad-input", "not an image"));
    await controller.openPhoto("x.txt", photo);
    expect(controller.state).toMatchObject({ photo: { phase: "none" }, note: { name: "x.txt", what: "photo" } });
    expect(controller.state.note?.failure.message).toBe("not an image");
    fake.failures.clear();
    await controller.openPhoto("dog.jpg", photo);
    expect(controller.state).toMatchObject({ photo: { phase: "ready" }, note: undefined });
  });

  it("keeps the photo and its map when another file is not an image, until the next thing works", async () => {
    const { controller, fake } = await withPhoto();
    const { photo: shownPhoto, map } = controller.state;
    fake.failures.set("decode", failure("bad-input", "not an image"));
    const opening = controller.openPhoto("x.txt", new Blob([]));
    expect(controller.state).toMatchObject({ photo: shownPhoto, incoming: "x.txt", map });
    await opening;
    await settle();
    expect(controller.state).toMatchObject({ photo: shownPhoto, incoming: undefined, map, selection: [0] });
    expect(controller.state.note?.name).toBe("x.txt");
    controller.select(1);
    expect(controller.state.note).toBeUndefined();
    controller.failPhoto("the video", { code: "camera", message: "no camera" });
    controller.dismiss();
    expect(controller.state.note).toBeUndefined();
  });

  it("continues a slow map that a bad file interrupted", async () => {
    const { controller, fake } = await withPhoto();
    fake.held.add("explain");
    controller.set({ method: "ScoreCAM" });
    await settle();
    const running = fake.calls.at(-1)!;
    fake.failures.set("decode", failure("bad-input", "not an image"));
    await controller.openPhoto("x.txt", new Blob([]));
    expect(fake.cancelled).toContain(running);
    fake.release("explain");
    await settle();
    expect(controller.state.map).toMatchObject({ shown: { method: "ScoreCAM" }, running: undefined });
    expect(controller.state.note?.name).toBe("x.txt");
  });

  it("shows the photo that the worker holds if a bad file replaces one that is being decoded", async () => {
    const { controller, fake } = await withPhoto();
    fake.held.add("decode");
    const late = controller.openPhoto("late.jpg", new Blob([]));
    await settle();
    // Another file is dropped before the answer comes.
    const bad = controller.openPhoto("x.txt", new Blob([]));
    await settle();
    fake.release("decode", 0);
    await late;
    expect(controller.state.photo).toMatchObject({ name: "dog.jpg" });
    fake.failures.set("decode", failure("bad-input", "not an image"));
    fake.release("decode");
    await bad;
    await settle();
    expect(controller.state).toMatchObject({ photo: { name: "late.jpg" }, found: { phase: "ready" } });
  });

  it("keeps the model when another file is not a model, with the settings that it was opened with", async () => {
    const { controller, fake } = await withPhoto();
    const { model, photo: shownPhoto, map } = controller.state;
    fake.failures.set("open", failure("bad-input", "not a model"));
    await controller.openModel({ kind: "file", file: new File([], "x.onnx") });
    await settle();
    expect(controller.state).toMatchObject({ model, photo: shownPhoto, map, note: { what: "model", name: "x.onnx" } });
    fake.failures.set("open", failure("usage", "the range contradicts the model"));
    controller.set({ inputRange: "1", inputMean: "1,2,3" });
    await settle();
    expect(fake.last("open").input).toEqual({ range: 1, mean: [1, 2, 3] });
    expect(controller.state).toMatchObject({ model, settings: { inputRange: "auto", inputMean: "" } });
    fake.failures.clear();
    controller.set({
      inputFit: "crop",
      inputCrop: 0.875,
      inputStd: "2 2 2",
      inputChannels: "bgr",
      inputPadding: "end",
    });
    await settle();
    const input = { fit: "crop", crop: 0.875, std: [2, 2, 2], channels: "bgr", padding: "end" };
    expect(fake.last("open")).toMatchObject({
      weights: { description: new URL("http://localhost/weights/default.json") },
      input,
    });
    expect(controller.state).toMatchObject({ note: undefined, found: { phase: "ready" } });
  });

  it("takes a missing file for a model that was refused while another is in use", async () => {
    const { controller, fake } = await withPhoto();
    fake.failures.set("open", failure("bad-input", "w.bin is missing", { externalData: ["w.bin"] }));
    await controller.openModel({ kind: "file", file: new File([], "m.onnx") });
    fake.failures.clear();
    expect(controller.completeModel([new File([], "w.bin")])).toBe(true);
    await settle();
    expect(fake.last("open").weights).toMatchObject({ name: "m.onnx" });
    const names = new File(["a"], "coco.names");
    expect(controller.completeModel([names])).toBe(true);
    expect(controller.completeModel([new File(["b"], "data.yaml"), new File([], "metadata.yaml")])).toBe(true);
    await settle();
    const { beside } = fake.last("open") as { readonly beside: readonly File[] };
    expect(beside.map(({ name }) => name)).toEqual(["w.bin", "data.yaml", "metadata.yaml"]);
  });

  it("ignores results of an earlier photo", async () => {
    const { controller, fake } = started();
    fake.held.add("decode");
    const first = controller.openPhoto("first.jpg", photo);
    await settle();
    fake.held.clear();
    const second = controller.openPhoto("second.jpg", photo);
    fake.release("decode");
    await Promise.all([first, second]);
    expect(controller.state.photo).toMatchObject({ phase: "ready", name: "second.jpg" });
    expect(fake.cancelled).toHaveLength(1);
  });
});

describe("selecting", () => {
  it("shows a quick map first and replaces it with a better one", async () => {
    const { controller, fake } = await withPhoto();
    expect(fake.calls.filter(({ name }) => name === "explain").map(({ request }) => request)).toMatchObject([
      // Only the map that is shown first is made first.
      { method: "GradCAM", per: "detection", detections: [0] },
      { method: "tap-fusion", per: "detection", detections: [0] },
    ]);
    // The detection prepares both maps.
    const ahead = ["GradCAM", "tap-fusion"].map((method) => ({ method, per: "detection" }));
    expect(fake.last("detect")).toMatchObject({ ahead });
    expect(controller.state.map.shown).toMatchObject({ method: "tap-fusion", isQuick: false });
    const shown: unknown[] = [];
    controller.subscribe(() => {
      const { method, isQuick } = controller.state.map.shown ?? {};
      shown.push(`${method} ${isQuick}`);
    });
    controller.select(1);
    await settle();
    expect([...new Set(shown)]).toEqual(["tap-fusion false", "GradCAM true"]);
    expect(shown.at(-1)).toBe("tap-fusion false");
    expect(controller.state.map.shown?.heat.detections).toEqual([1]);
  });

  it("does not repeat a request", async () => {
    const { controller, fake } = await withPhoto({ method: "GradCAM" });
    controller.select(1);
    await settle();
    const before = fake.calls.length;
    controller.select(0);
    controller.select(1);
    await settle();
    expect(fake.calls.length).toBe(before);
  });

  it("toggles detections with Shift, and joins their maps", async () => {
    const { controller } = await withPhoto({ method: "GradCAM" });
    controller.select(2, true);
    await settle();
    expect(controller.state.selection).toEqual([0, 2]);
    const { heat, facts } = controller.state.map.shown!;
    expect([heat.data[0], heat.data[1], heat.data[2]]).toEqual([1, 0, 1]);
    expect(facts.energy).toBeUndefined();
    controller.select(0, true);
    expect(controller.state.selection).toEqual([2]);
  });

  it("steps through the detections, and clears the selection", async () => {
    const { controller } = await withPhoto({ method: "GradCAM" });
    controller.step(-1);
    expect(controller.state.selection).toEqual([2]);
    controller.step(1);
    expect(controller.state.selection).toEqual([0]);
    controller.clear();
    expect(controller.state).toMatchObject({ selection: [], map: { shown: undefined } });
    controller.step(1);
    expect(controller.state.selection).toEqual([0]);
  });

  it("measures the map against the box", async () => {
    const { controller } = await withPhoto({ method: "GradCAM" });
    expect(controller.state.map.shown!.facts).toEqual({
      energy: { inside: 1, area: 4 / 32 },
      peak: { x: 0, y: 0, insideBox: true },
    });
  });

  it("previews a hovered detection from the cache", async () => {
    const { controller } = await withPhoto({ method: "GradCAM" });
    controller.select(2);
    await settle();
    controller.select(0);
    controller.hover(2);
    expect(controller.state.preview?.detections).toEqual([2]);
    controller.hover(undefined);
    expect(controller.state.preview).toBeUndefined();
  });

  it("makes a preview that is not cached, unless something runs or the pointer has left", async () => {
    const { controller, fake } = await withPhoto({ method: "HiResCAM" });
    fake.held.add("explain");
    controller.hover(1);
    controller.hover(undefined);
    fake.release("explain");
    await settle();
    expect(controller.state.preview).toBeUndefined();
    controller.hover(2);
    await settle();
    expect(fake.last("explain")).toMatchObject({ method: "GradCAM", per: "detection" });
    expect(controller.state.preview?.detections).toEqual([2]);
    controller.hover(undefined);
    fake.held.add("explain");
    controller.set({ method: "LayerCAM" });
    controller.set({ layer: "17" });
    await settle();
    const before = fake.calls.length;
    controller.hover(1);
    await settle();
    expect(fake.calls.length).toBe(before);
    fake.release("explain");
  });

  it("explains a drawn box and the whole image", async () => {
    const { controller, fake } = await withPhoto({ method: "GradCAM" });
    const box = { x1: 1, y1: 1, x2: 4, y2: 3, className: "cat" };
    controller.ask(box);
    await settle();
    expect(fake.last("explain")).toMatchObject({ box });
    expect(controller.state.selection).toEqual([]);
    controller.selectWhole();
    controller.set({ classFilter: "dog", backwardPerClass: true });
    await settle();
    expect(fake.last("explain")).toMatchObject({ classNames: ["dog"], backwardPerClass: true });
    expect(fake.last("explain")).not.toHaveProperty("per");
    controller.set({ backwardPerClass: false });
    await settle();
    expect(fake.last("explain")).toMatchObject({ classNames: ["dog"], per: "detection" });
    expect(fake.last("explain")).not.toHaveProperty("detections");
    expect(fake.last("explain")).not.toHaveProperty("box");
  });

  it("reports the runs of a slow method until it is cancelled", async () => {
    const { controller, fake } = await withPhoto();
    controller.set({ method: "ScoreCAM" });
    await settle();
    fake.held.add("explain");
    controller.set({ layer: "17" });
    await settle();
    fake.held.delete("explain");
    const quick = fake.tells.length;
    fake.release("explain");
    fake.held.add("explain");
    await settle();
    expect(fake.tells.length).toBe(quick + 1);
    const tell = fake.tells.at(-1)!;
    tell({ done: 12, total: 512 });
    expect(controller.state.map).toMatchObject({ running: "ScoreCAM", progress: { done: 12, total: 512 } });
    controller.cancel();
    expect(fake.cancelled).toContain(fake.calls.at(-1)!);
    // The quick map stays, and a late message has no effect.
    tell({ done: 16, total: 512 });
    expect(controller.state.map).toMatchObject({ shown: { isQuick: true }, running: undefined, progress: undefined });
  });

  it("cancels a request when a newer one replaces it", async () => {
    const { controller, fake } = await withPhoto();
    fake.held.add("explain");
    controller.set({ method: "FullGrad" });
    await settle();
    const running = fake.calls.at(-1)!;
    controller.set({ method: "GradCAM" });
    fake.release("explain");
    await settle();
    expect(fake.cancelled).toContain(running);
    expect(controller.state.map.shown?.method).toBe("GradCAM");
  });

  it("keeps the quick map when the better one fails", async () => {
    const { controller, fake } = await withPhoto({ method: "GradCAM" });
    fake.failures.set("explain", failure("no-gradient", "Foo has no rule"));
    controller.set({ method: "FullGrad" });
    await settle();
    expect(controller.state.map).toMatchObject({ shown: { method: "GradCAM" }, failure: { code: "no-gradient" } });
  });
});

describe("settings", () => {
  it("detect again, explain again or only draw, depending on the setting", async () => {
    const { controller, fake } = await withPhoto({ method: "GradCAM" });
    const after = async (patch: Partial<Settings>) => {
      const before = fake.calls.length;
      controller.set(patch);
      await settle();
      return fake.names().slice(before);
    };
    expect(await after({ opacity: 0.2, colormap: "viridis", crop: "hot" })).toEqual([]);
    expect(await after({ keepTopPercent: 5 })).toEqual(["explain"]);
    expect(await after({ confidence: 0.5 })).toEqual(["detect", "explain"]);
    expect(fake.last("explain")).toMatchObject({ confidence: 0.5, keepTopPercent: 5 });
    const ahead = [{ method: "GradCAM", per: "detection" }];
    expect(fake.last("detect")).toEqual({ confidence: 0.5, ahead });
    expect(await after({ layer: "17", versus: "cat" })).toEqual(["explain"]);
    expect(fake.last("explain")).toMatchObject({ layer: 17, versus: "cat" });
    await after({ iou: 0.6, method: "HiResCAM" });
    expect(fake.last("detect")).toMatchObject({ iou: 0.6, ahead: [{ method: "HiResCAM", layer: 17 }] });
  });

  it("start a new worker for another device, with the same model and photo", async () => {
    const { controller, fake } = await withPhoto({ method: "GradCAM" });
    controller.set({ device: "webgpu" });
    await settle();
    expect(fake).toMatchObject({ started: 2, closed: 1 });
    expect(controller.state.model).toMatchObject({ model: { provider: { device: "webgpu" } } });
    expect(controller.state.map.shown?.heat.detections).toEqual([0]);
  });

  it('switch to the CPU when WebGPU fails and the device is "auto"', async () => {
    const { controller, fake } = started({ method: "GradCAM" });
    fake.hasGpu = true;
    fake.held.add("explain");
    await Promise.all([controller.openModel(), controller.openPhoto("dog.jpg", photo)]);
    await settle();
    fake.failures.set("explain", failure("runtime", "refused"));
    fake.release("explain");
    for (let i = 0; i < 50 && fake.started < 2; i++) await Promise.resolve();
    fake.failures.clear();
    await settle();
    expect(fake.last("open")).toMatchObject({ device: "wasm" });
    expect(controller.state.map).toMatchObject({ shown: { method: "GradCAM" }, failure: undefined });
    expect(controller.state.settings.device).toBe("auto");
  });

  it("stay on WebGPU when it is selected, and report its error", async () => {
    const { controller, fake } = started({ method: "GradCAM", device: "webgpu" });
    fake.failures.set("explain", failure("runtime", "refused"));
    await Promise.all([controller.openModel(), controller.openPhoto("dog.jpg", photo)]);
    await settle();
    expect(fake.started).toBe(1);
    expect(controller.state.map.failure).toMatchObject({ code: "runtime" });
  });

  it("filter by class, and select a remaining detection", async () => {
    const { controller } = await withPhoto({ method: "GradCAM" });
    controller.set({ classFilter: "cat" });
    expect(controller.shownDetections().map(({ index }) => index)).toEqual([1]);
    expect(controller.state.selection).toEqual([1]);
  });
});

describe("comparing", () => {
  it("runs the methods one after another, and continues after one that fails", async () => {
    const { controller, fake } = await withPhoto({ method: "GradCAM", compare: ["GradCAM", "EigenCAM", "ODAM"] });
    fake.held.add("explain");
    controller.compare(true);
    await settle();
    expect(controller.state.compared.map(({ map }) => map?.method)).toEqual(["GradCAM", undefined, undefined]);
    fake.failures.set("explain", failure("runtime", "no"));
    fake.release("explain");
    await settle();
    expect(controller.state.compared[1]).toMatchObject({ failure: { code: "runtime" } });
    expect(controller.state.compared[2]).toMatchObject({ method: "ODAM", failure: { code: "runtime" } });
    controller.compare(false);
    expect(controller.state.compared).toEqual([]);
  });
});

describe("exporting", () => {
  it("draws the current map with its boxes, and makes its result document", async () => {
    const { controller, fake } = await withPhoto({ method: "GradCAM", crop: "hot", opacity: 0.3 });
    controller.select(2, true);
    await settle();
    expect(await controller.png()).toBeInstanceOf(Blob);
    const look = { colormap: "inferno", opacity: 0.3, crop: "hot" };
    expect(fake.last("draw")).toMatchObject({ ...look, detections: [{ index: 0 }, { index: 2 }] });
    const onProgress = vi.fn();
    expect(await controller.document(onProgress)).toEqual({ schemaVersion: 1 });
    expect(fake.tells.at(-1)).toBe(onProgress);
    expect(fake.last("document")).toMatchObject({
      ...{ source: "dog.jpg", look },
      ...{ method: "GradCAM", detections: [0, 2] },
    });
  });

  it("reports errors", async () => {
    const { controller, fake } = await withPhoto({ method: "GradCAM" });
    fake.failures.set("draw", failure("runtime", "too large", { outOfMemory: true }));
    await expect(controller.png()).rejects.toThrow("too large");
    controller.clear();
    await expect(controller.png()).rejects.toThrow("no heatmap");
    await expect(controller.document(() => {})).rejects.toThrow("no heatmap");
  });
});

it("reads the layers once", async () => {
  const { controller, fake } = await withPhoto({ method: "GradCAM" });
  controller.lookAtLayers();
  controller.lookAtLayers();
  await settle();
  expect(fake.names().filter((name) => name === "activations")).toHaveLength(1);
  expect(controller.state.thumbnails).toHaveLength(1);
});

it("explains a video frame by frame until it is stopped", async () => {
  const { controller, fake } = await withPhoto();
  let frames = 0;
  let go: (frame: ImageBitmap) => void = () => {};
  const frame = { close: vi.fn() as () => void } as ImageBitmap;
  const next = () =>
    new Promise<ImageBitmap>((resolve) => {
      frames++;
      go = resolve;
    });
  const running = controller.startLive(next);
  await settle();
  expect(controller.state).toMatchObject({ photo: { phase: "none" }, live: { count: 0, rate: undefined } });
  for (const count of [1, 2]) {
    go(frame);
    await settle();
    expect(controller.state.live?.count).toBe(count);
  }
  // The slow default is replaced by the quick method. The clock advances by one step between frames.
  expect(fake.last("explain")).toMatchObject({ method: "GradCAM" });
  expect(controller.state.live?.rate).toBeGreaterThan(0);
  controller.stopLive();
  go(frame);
  await running;
  expect(frames).toBe(3);
  expect(controller.state.live).toBeUndefined();
});

it("reports why a video stopped", async () => {
  const { controller, fake } = await withPhoto();
  fake.failures.set("explain", failure("limit", "too large"));
  await controller.startLive(async () => ({ close: () => {} }) as ImageBitmap);
  expect(controller.state.live).toMatchObject({ failure: { code: "limit" } });
});
