import {
  type EngineHandle,
  type Failure,
  isNamesFile,
  METADATA,
  type OnProgress,
  type OpenRequest,
  PREPROCESSOR,
  type Weights,
} from "@whybox/browser/engine";
import type { AskedBox, Detection, ResultDocument } from "@whybox/core";
import { answered, failureOf, nextJob, Task } from "./controller/calls.js";
import { compareInTurn, waiting } from "./controller/comparison.js";
import { documentRequest, drawRequest } from "./controller/export-requests.js";
import { Held } from "./controller/held.js";
import { brokenOff, explainFrames, type LiveWorld, type NextFrame, noFrame } from "./controller/live.js";
import { MapMaker } from "./controller/map-maker.js";
import { restore, type WatchedEngine, watchMemory } from "./controller/memory-watch.js";
import { neighbourOf, sceneOf, shownOf, subjectOf } from "./controller/read-state.js";
import { detectRequest, methodsOf, nameOf, openRequest, thresholds } from "./controller/requests.js";
import {
  defaultSettings,
  detectionSettings,
  engineSettings,
  inputSettings,
  MAX_COMPARED,
  mapSettings,
  type Settings,
} from "./controller/settings.js";
import {
  type Compared,
  countOf,
  initialState,
  type Note,
  noMap,
  nothingSelected,
  type ShownMap,
  type State,
  sentenceOf,
} from "./controller/state.js";

export interface ControllerOptions {
  readonly startEngine: () => EngineHandle;
  /** URL of the page's folder. */
  readonly base: string;
  readonly settings?: Settings;
  /** The clock, in milliseconds. Tests pass their own. */
  readonly now?: () => number;
}

/** The parts of the state that say what is explained. */
type Subjects = Pick<State, "selection" | "ownBox" | "whole">;

/** The page's state and its actions. It does not use the DOM: the page renders the state, and tests use a fake engine. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  readonly #maker: MapMaker;
  #handle: WatchedEngine;
  #state: State;
  #weights: Weights = { kind: "default" };
  /** The model of the user that could not be opened last. Files that it missed may still come. */
  #refused: Weights | undefined;
  readonly #held = new Held();
  /** True after WebGPU failed with the device "auto". "auto" then means the CPU. */
  #withoutGpu = false;
  /** True while a new worker gets the model and the photo of the previous one. */
  #restoring = false;
  readonly #cancel = (job: number): void => void this.#handle.engine.cancel(job);
  readonly #opening = new Task(this.#cancel);
  readonly #decoding = new Task(this.#cancel);
  readonly #detecting = new Task(this.#cancel);
  readonly #map = new Task(this.#cancel);
  readonly #comparison = new Task(this.#cancel);
  readonly #looking = new Task(this.#cancel);
  readonly #hovering = new Task(this.#cancel);
  readonly #live = new Task(this.#cancel);

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#handle = this.#startEngine();
    this.#maker = new MapMaker(() => this.#handle.engine, this.#now);
    this.#state = initialState(options.settings ?? defaultSettings);
  }

  get state(): State {
    return this.#state;
  }

  /** Calls `listener` after every change. Returns a function that unsubscribes. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  openModel(weights: Weights = { kind: "default" }): Promise<void> {
    const name = nameOf(weights);
    const { settings } = this.#state;
    this.#weights = weights;
    this.#pause();
    this.#update({ model: { phase: "opening", name, progress: undefined } });
    const onProgress: OnProgress = (progress) => {
      if (this.#state.model.phase === "opening") this.#update({ model: { ...this.#state.model, progress } });
    };
    return this.#opening.start(
      async (step) => {
        const model = await step((job) => {
          const answer = this.#handle.engine.open(job, this.#openRequest(), onProgress);
          return this.#held.model(answer, { weights, settings }).finally(() => this.#takeHeld());
        });
        this.#forget();
        this.#update({ model: { phase: "ready", model }, note: undefined, said: `${model.name} is ready.` });
        await this.#detect();
      },
      (error) => this.#keepModel({ what: "model", name, failure: failureOf(error) }),
    );
  }

  /**
   * Opens a model of the user again, with files that it missed or that describe it. Returns false if it needs none of them.
   */
  completeModel(files: readonly File[]): boolean {
    const { model, note } = this.#state;
    const failure = model.phase === "failed" ? model.failure : note?.failure;
    const missing = (failure?.missing ?? []).map((path) => path.split("/").at(-1));
    const describes = (file: File) => [PREPROCESSOR, METADATA].includes(file.name) || isNamesFile(file);
    const weights = (model.phase === "failed" || note?.what === "model" ? this.#refused : undefined) ?? this.#weights;
    if (weights.kind !== "file" || !files.some((file) => missing.includes(file.name) || describes(file))) return false;
    const kept = (weights.beside ?? []).filter((old) => !files.some((file) => isSamePart(file, old)));
    void this.openModel({ ...weights, beside: [...kept, ...files] });
    return true;
  }

  cancelOpening(): void {
    const { model } = this.#state;
    if (model.phase !== "opening") return;
    this.#opening.stop();
    this.#keepModel({ what: "model", name: model.name, failure: { code: "cancelled", message: "Cancelled." } });
  }

  /** Opens a photo. The current one stays until the new one is decoded, and if it cannot be. */
  async openPhoto(name: string, file: Blob): Promise<void> {
    this.#pause();
    this.stopLive();
    const hasPhoto = this.#state.photo.phase === "ready";
    this.#update(hasPhoto ? { incoming: name } : { photo: { phase: "decoding", name, file }, incoming: name });
    await this.#decoding.start(
      async (step) => {
        const facts = await step((job) => this.#held.photo(this.#handle.engine.decode(job, file), { name, file }));
        this.#forget();
        this.#update({ photo: { phase: "ready", name, file, facts }, incoming: undefined, note: undefined });
        void this.#detect();
      },
      (error) => this.failPhoto(name, failureOf(error)),
    );
  }

  /** Reports why a photo or a video could not be opened. What was open stays. */
  failPhoto(name: string, failure: Failure): void {
    const { photo } = this.#state;
    const kept = this.#held.lastPhoto;
    const note: Note = { what: "photo", name, failure };
    this.#update({ note, incoming: undefined });
    if (kept === undefined) this.#update({ photo: { phase: "none" }, found: { phase: "none" } });
    else if (photo.phase !== "ready" || photo.file !== kept.file) {
      this.#forget();
      this.#update({ photo: { phase: "ready", ...kept } });
    }
    this.#resume();
  }

  /** Removes the note about a file that could not be opened. */
  dismiss(): void {
    this.#update({ note: undefined });
  }

  /** Explains a video instead of a photo, until `stopLive` is called. */
  startLive(next: NextFrame): Promise<void> {
    this.#forget();
    this.#decoding.stop();
    this.#held.noPhoto();
    this.#update({ photo: { phase: "none" }, incoming: undefined, note: undefined, live: noFrame });
    const world: LiveWorld = {
      engine: () => this.#handle.engine,
      settings: () => this.#state.settings,
      now: this.#now,
      show: (live) => this.#update({ live }),
    };
    return this.#live.start(
      (step) => explainFrames(step, next, world),
      (error) => this.#update({ live: brokenOff(this.#state.live, error) }),
    );
  }

  stopLive(): void {
    this.#live.stop();
    this.#update({ live: undefined });
  }

  /** Selects a detection. With `add`, toggles it in the current selection. */
  select(index: number, add = false): void {
    const { selection } = this.#state;
    const without = selection.filter((one) => one !== index);
    const next = !add ? [index] : without.length < selection.length ? without : [...selection, index];
    this.#ask({ selection: next, ownBox: undefined, whole: false });
  }

  /** Selects the next or the previous detection in the list. It wraps around at the ends. */
  step(by: 1 | -1): void {
    const next = neighbourOf(this.#state, by);
    if (next !== undefined) this.select(next.index);
  }

  clear(): void {
    this.#ask({ selection: [], ownBox: undefined, whole: false });
  }

  /** Explains all detections of the image together. */
  selectWhole(): void {
    this.#ask({ selection: [], ownBox: undefined, whole: true });
  }

  /** Explains a box that the user drew. */
  ask(box: AskedBox): void {
    this.#ask({ selection: [], ownBox: box, whole: false });
  }

  hover(index: number | undefined): void {
    if (index === this.#state.hovered) return;
    this.#hovering.stop();
    const preview = index === undefined ? undefined : this.#maker.cached(sceneOf(this.#state), index);
    this.#update({ hovered: index, preview });
    // For a large photo not every map is cached. A requested map has priority over a preview.
    if (index === undefined || preview !== undefined || this.#state.map.running !== undefined) return;
    void this.#hovering.start(
      async (step) => this.#update({ preview: await this.#maker.preview(step, sceneOf(this.#state), index) }),
      (error) => this.#update({ said: failureOf(error).message }),
    );
  }

  set(patch: Partial<Settings>): void {
    const before = this.#state.settings;
    const settings = { ...before, ...patch };
    const changed = (keys: readonly (keyof Settings)[]) =>
      keys.some((key) => String(before[key]) !== String(settings[key]));
    this.#update({ settings });
    if (changed(engineSettings)) void this.#restart();
    else if (changed(inputSettings)) void this.openModel(this.#weights);
    else if (changed(detectionSettings)) void this.#detect();
    else if (changed(["classFilter"])) this.#filter();
    else if (changed(mapSettings)) this.#explain();
    if (this.#state.comparing && changed([...mapSettings, "compare"])) this.#compare();
  }

  /** Turns the comparison of methods on or off. */
  compare(on: boolean): void {
    this.#comparison.stop();
    this.#update({ comparing: on, compared: [] });
    if (on) this.#compare();
  }

  /** Computes a small map of each layer's activations. */
  lookAtLayers(): void {
    const { photo, model } = this.#state;
    if (photo.phase !== "ready" || model.phase !== "ready" || this.#state.thumbnails !== undefined) return;
    this.#update({ thumbnails: "running" });
    const request = thresholds(this.#state.settings);
    void this.#looking.start(
      async (step) =>
        this.#update({ thumbnails: await step((job) => this.#handle.engine.activations(job, request, () => {})) }),
      (error) => this.#update({ thumbnails: [], said: failureOf(error).message }),
    );
  }

  /** Cancels the running maps. The current map stays. */
  cancel(): void {
    this.#map.stop();
    this.#comparison.stop();
    this.#update({ map: { ...this.#state.map, running: undefined, progress: undefined }, said: "Cancelled." });
  }

  /** The current map with its boxes, at full resolution, as PNG. */
  async png(): Promise<Blob> {
    return answered(await this.#handle.engine.draw(nextJob(), drawRequest(this.#state, this.#shown())));
  }

  /** The current result as a result document (docs/result.schema.json). The command writes the same format. */
  async document(onProgress: OnProgress): Promise<ResultDocument> {
    const request = documentRequest(this.#state, this.#shown())!;
    return answered(await this.#handle.engine.document(nextJob(), request, onProgress));
  }

  /** Detections that match the class filter. */
  shownDetections(): readonly Detection[] {
    return shownOf(this.#state);
  }

  dispose(): void {
    this.#listeners.clear();
    this.#handle.close();
  }

  #shown(): ShownMap {
    const { shown } = this.#state.map;
    if (shown === undefined) throw new Error("There is no heatmap to export. Select a box first.");
    return shown;
  }

  #update(patch: Partial<State>): void {
    this.#state = { ...this.#state, ...patch };
    for (const listener of this.#listeners) listener();
  }

  /** Cancels all work on the current detections, so that a file opens at once. What is shown stays. */
  #pause(): void {
    for (const task of [this.#detecting, this.#map, this.#comparison, this.#looking, this.#hovering]) task.stop();
  }

  /** Continues the work that `#pause` cancelled, after a file that could not be opened. */
  #resume(): void {
    const { found, map, photo, thumbnails } = this.#state;
    if (thumbnails === "running") this.#update({ thumbnails: undefined });
    if (photo.phase === "ready" && found.phase !== "ready") void this.#detect();
    else if (map.running !== undefined) this.#explain();
    if (this.#state.comparing) this.#compare();
  }

  /** Cancels all work on the current detections and clears them. */
  #forget(): void {
    this.#pause();
    this.#maker.forget();
    this.#update({ ...nothingSelected, found: { phase: "none" }, thumbnails: undefined });
  }

  /** Takes a model that was opened although it had been cancelled, because the worker was already done. */
  #takeHeld(): void {
    const { model } = this.#state;
    const kept = this.#held.lastModel;
    if (model.phase !== "ready" || kept === undefined || model.model === kept.model) return;
    this.#weights = kept.weights;
    this.#forget();
    this.#update({ model: { phase: "ready", model: kept.model } });
    void this.#detect();
  }

  /** After a model that could not be opened: the one before it stays. */
  #keepModel(note: Note): void {
    const { failure, name } = note;
    const kept = this.#held.lastModel;
    this.#refused = this.#weights;
    if (kept === undefined) {
      this.#forget();
      this.#update({ model: { phase: "failed", name, failure } });
      return;
    }
    this.#weights = kept.weights;
    const isSame = inputSettings.every((key) => kept.settings[key] === this.#state.settings[key]);
    const input = Object.fromEntries(inputSettings.map((key) => [key, kept.settings[key]]));
    // A note is read out by itself.
    const isCancelled = failure.code === "cancelled";
    this.#update({
      model: { phase: "ready", model: kept.model },
      ...(isCancelled ? { note: undefined, said: failure.message } : { note }),
      ...(isSame ? {} : { settings: { ...this.#state.settings, ...input } }),
    });
    this.#resume();
  }

  #openRequest(weights = this.#weights): OpenRequest {
    return openRequest(this.#options.base, weights, this.#state.settings, this.#withoutGpu);
  }

  #startEngine(): WatchedEngine {
    return watchMemory(this.#options.startEngine(), (failure) => this.#replaceEngine(failure));
  }

  /** Replaces the worker, because the runtime's memory never shrinks. The new worker opens the current model and photo. */
  #replaceEngine(full: Failure): void {
    this.#handle.close(full);
    this.#handle = this.#startEngine();
    // If a new worker runs out of memory while it is restored, the next one would too.
    if (this.#restoring) return;
    const { lastModel, lastPhoto } = this.#held;
    const request = lastModel && this.#openRequest(lastModel.weights);
    this.#restoring = true;
    void restore(this.#handle.engine, request, lastPhoto?.file).then((failed) => {
      this.#restoring = false;
      if (failed.model) {
        this.#held.noModel();
        this.#update({ model: { phase: "failed", name: nameOf(lastModel!.weights), failure: failed.model } });
      }
      if (failed.photo) {
        this.#held.noPhoto();
        this.#forget();
        this.failPhoto(lastPhoto!.name, failed.photo);
      }
    });
  }

  /** Starts a new worker, because the threads and the device of a worker cannot change. */
  async #restart(): Promise<void> {
    const { photo } = this.#state;
    for (const task of [this.#opening, this.#decoding]) task.stop();
    this.#forget();
    this.#handle.close();
    this.#handle = this.#startEngine();
    this.#held.noModel();
    this.#held.noPhoto();
    const again = photo.phase === "ready" || photo.phase === "decoding";
    await Promise.all([again ? this.openPhoto(photo.name, photo.file) : undefined, this.openModel(this.#weights)]);
  }

  /** Switches to the CPU if WebGPU fails and the device is "auto": some models fail on WebGPU only. Returns true if it switches. */
  #leaveGpu({ code }: Failure): boolean {
    const { model, settings } = this.#state;
    const onGpu = model.phase === "ready" && model.model.provider.device === "webgpu";
    if (code !== "runtime" || !onGpu || settings.device !== "auto" || this.#withoutGpu) return false;
    this.#withoutGpu = true;
    this.#update({ said: "WebGPU failed. The CPU is used instead." });
    void this.#restart();
    return true;
  }

  /** Detects objects when the model and the photo are ready. Then explains the most confident detection. */
  async #detect(): Promise<void> {
    const { model, photo, settings } = this.#state;
    if (model.phase !== "ready" || photo.phase !== "ready") return;
    this.#map.stop();
    this.#maker.forget();
    this.#update({ ...nothingSelected, found: { phase: "running" } });
    const started = this.#now();
    await this.#detecting.start(
      async (step) => {
        const list = await step((job) => this.#handle.engine.detect(job, detectRequest(settings), () => {}));
        this.#update({ found: { phase: "ready", list, ms: this.#now() - started }, said: countOf(list) });
        const first = this.shownDetections()[0];
        if (first !== undefined) this.#subject({ selection: [first.index], ownBox: undefined, whole: false });
      },
      (error) => {
        const failure = failureOf(error);
        if (!this.#leaveGpu(failure)) this.#update({ found: { phase: "failed", failure } });
      },
    );
  }

  #filter(): void {
    const shown = new Set(this.shownDetections().map(({ index }) => index));
    const selection = this.#state.selection.filter((index) => shown.has(index));
    const first = this.shownDetections()[0];
    if (this.#state.whole || this.#state.ownBox !== undefined) this.#explain();
    else if (selection.length > 0) this.#subject({ selection, ownBox: undefined, whole: false });
    else if (first !== undefined) this.#subject({ selection: [first.index], ownBox: undefined, whole: false });
    else this.clear();
  }

  /** Explains what the user asks for. A note about a file that failed passes. */
  #ask(subject: Subjects): void {
    this.#update({ note: undefined });
    this.#subject(subject);
  }

  #subject(subject: Subjects): void {
    this.#hovering.stop();
    this.#update({ ...subject, preview: undefined, hovered: undefined });
    this.#explain();
    if (this.#state.comparing) this.#compare();
  }

  /** Makes the map of the selection: first a quick one, then the one of the chosen method. */
  #explain(): void {
    const subject = subjectOf(this.#state);
    this.#map.stop();
    if (subject === undefined) {
      this.#update({ map: noMap });
      return;
    }
    const { settings } = this.#state;
    void this.#map.start(
      async (step, isCurrent) => {
        for (const one of methodsOf(settings)) {
          this.#update({ map: { ...this.#state.map, running: one, progress: undefined, failure: undefined } });
          const onProgress: OnProgress = (progress) => {
            if (isCurrent()) this.#update({ map: { ...this.#state.map, progress } });
          };
          const shown = await this.#maker.make(step, sceneOf(this.#state), { subject, method: one, onProgress });
          this.#update({ map: { ...this.#state.map, shown: { ...shown, isQuick: one !== settings.method } } });
        }
        const map = { ...this.#state.map, running: undefined, progress: undefined };
        this.#update({ map, said: sentenceOf(map.shown) });
      },
      (error) => {
        const failure = failureOf(error);
        if (this.#leaveGpu(failure)) return;
        const kept = this.#state.map.shown?.isQuick ? this.#state.map.shown : undefined;
        this.#update({ map: { shown: kept, running: undefined, progress: undefined, failure }, said: failure.message });
      },
    );
  }

  #compare(): void {
    const subject = subjectOf(this.#state);
    const methods = this.#state.settings.compare.slice(0, MAX_COMPARED);
    this.#update({ compared: subject === undefined ? [] : waiting(methods) });
    if (subject === undefined) return;
    const put = (i: number, patch: Partial<Compared>) =>
      this.#update({ compared: this.#state.compared.map((one, n) => (n === i ? { ...one, ...patch } : one)) });
    void this.#comparison.start(
      (step, isCurrent) =>
        compareInTurn(
          methods,
          (method, onProgress) => this.#maker.make(step, sceneOf(this.#state), { subject, method, onProgress }),
          (i, patch) => isCurrent() && put(i, patch),
        ),
      (error) => this.#update({ said: failureOf(error).message }),
    );
  }
}

/** Whether a file takes the place of an earlier one that came with the same model. */
function isSamePart(file: File, old: File): boolean {
  return file.name === old.name || (isNamesFile(file) && isNamesFile(old));
}
