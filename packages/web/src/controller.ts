import type { Engine } from "@whybox/browser";
import type { AskedBox, Detection, ExplainProgress, ResultDocument } from "@whybox/core";
import { type Failure, Task } from "./controller/calls.js";
import { EngineKeeper } from "./controller/engine-keeper.js";
import { Explaining, type Subjects } from "./controller/explaining.js";
import { documentRequest, drawRequest } from "./controller/export-requests.js";
import { brokenOff, explainFrames, type NextFrame, noFrame } from "./controller/live.js";
import { Opening } from "./controller/opening.js";
import { neighbourOf, photoOf, shownOf } from "./controller/read-state.js";
import type { Weights } from "./controller/requests.js";
import {
  defaultSettings,
  detectionSettings,
  engineSettings,
  inputSettings,
  mapSettings,
  type Settings,
} from "./controller/settings.js";
import { initialState, type ShownMap, type State } from "./controller/state.js";
import { Store } from "./controller/store.js";

export interface ControllerOptions {
  readonly startEngine: () => Engine;
  /** URL of the page's folder. */
  readonly base: string;
  readonly settings?: Settings;
  /** The clock, in milliseconds. Tests pass their own. */
  readonly now?: () => number;
}

/** The page's state and its actions. It does not use the DOM: the page renders the state, and tests use a fake engine. */
export class Controller {
  readonly #now: () => number;
  readonly #store: Store;
  readonly #keeper: EngineKeeper;
  readonly #explaining: Explaining;
  readonly #opening: Opening;
  readonly #live: Task;

  constructor({ startEngine, base, settings = defaultSettings, now = () => performance.now() }: ControllerOptions) {
    this.#now = now;
    this.#store = new Store(initialState(settings));
    const lost = (weights: Weights, failure: Failure) => this.#opening.loseModel(weights, failure);
    const keeper = new EngineKeeper({ startEngine, base, lost });
    const retries = (failure: Failure) => this.#leaveGpu(failure);
    this.#keeper = keeper;
    this.#explaining = new Explaining({ store: this.#store, keeper, now, retries });
    this.#opening = new Opening(this.#store, keeper, this.#explaining);
    this.#live = new Task(keeper.watch);
  }

  get state(): State {
    return this.#store.state;
  }

  /** Calls `listener` after every change. Returns a function that unsubscribes. */
  subscribe(listener: () => void): () => void {
    return this.#store.subscribe(listener);
  }

  openModel(weights?: Weights): Promise<void> {
    return this.#opening.model(weights);
  }

  /** Opens a model of the user again, with files that it missed or that describe it. Returns false if it needs none of them. */
  completeModel(files: readonly File[]): boolean {
    return this.#opening.complete(files);
  }

  cancelOpening(): void {
    this.#opening.cancelModel();
  }

  /** Opens a photo. The current one stays until the new one is decoded, and if it cannot be. */
  openPhoto(name: string, file: Blob): Promise<void> {
    this.stopLive();
    return this.#opening.photo(name, file);
  }

  /** Reports why a photo or a video could not be opened. What was open stays. */
  failPhoto(name: string, failure: Failure): void {
    this.#opening.failPhoto(name, failure);
  }

  /** Removes the note about a file that could not be opened. */
  dismiss(): void {
    this.#store.update({ note: undefined });
  }

  /** Explains a video instead of a photo, until `stopLive` is called. */
  startLive(next: NextFrame): Promise<void> {
    this.#explaining.forget();
    this.#opening.noPhoto();
    this.#store.update({ photo: { phase: "none" }, incoming: undefined, note: undefined, live: noFrame });
    return this.#live.start(
      (step) =>
        explainFrames(step, next, {
          heat: async (frame, options) => (await this.#keeper.detector()).heat(frame, options),
          settings: () => this.state.settings,
          now: this.#now,
          show: (live) => this.#store.update({ live }),
        }),
      (error) => this.#store.update({ live: brokenOff(this.state.live, error) }),
    );
  }

  stopLive(): void {
    this.#live.stop();
    this.#store.update({ live: undefined });
  }

  /** Selects a detection. With `add`, toggles it in the current selection. */
  select(index: number, add = false): void {
    const { selection } = this.state;
    const without = selection.filter((one) => one !== index);
    const next = !add ? [index] : without.length < selection.length ? without : [...selection, index];
    this.#ask({ selection: next, ownBox: undefined, whole: false });
  }

  /** Selects the next or the previous detection in the list. It wraps around at the ends. */
  step(by: 1 | -1): void {
    const next = neighbourOf(this.state, by);
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
    this.#explaining.hover(index);
  }

  set(patch: Partial<Settings>): void {
    const before = this.state.settings;
    const settings = { ...before, ...patch };
    const changed = (keys: readonly (keyof Settings)[]) =>
      keys.some((key) => String(before[key]) !== String(settings[key]));
    this.#store.update({ settings });
    if (changed(engineSettings)) this.#restart();
    else if (changed(inputSettings)) void this.#opening.modelAgain();
    else if (changed(detectionSettings)) void this.#explaining.detect();
    else if (changed(["classFilter"])) this.#explaining.filter();
    else if (changed(mapSettings)) this.#explaining.explain();
    if (this.state.comparing && changed([...mapSettings, "compare"])) this.#explaining.compare();
  }

  /** Turns the comparison of methods on or off. */
  compare(on: boolean): void {
    this.#explaining.stopComparing();
    this.#store.update({ comparing: on, compared: [] });
    if (on) this.#explaining.compare();
  }

  /** Computes a small map of each layer's activations. */
  lookAtLayers(): void {
    this.#explaining.lookAtLayers();
  }

  /** Cancels the running maps. The current map stays. */
  cancel(): void {
    this.#explaining.cancel();
  }

  /** Measures how faithful the current map is, in the background: every other question goes first. */
  measure(): void {
    this.#explaining.measure();
  }

  stopMeasuring(): void {
    this.#explaining.stopMeasuring();
  }

  /** Shows the smallest region of the measured map on the photo, instead of its heat. */
  showRegion(isRegionShown: boolean): void {
    this.#explaining.showRegion(isRegionShown);
  }

  /** The current map with its boxes, at full resolution, as PNG. */
  async png(): Promise<Blob> {
    const drawing = drawRequest(this.state, this.#shown());
    return this.#explaining.beforeMeasuring(() =>
      this.#keeper.watch(this.#keeper.engine.toPng(photoOf(this.state), drawing)),
    );
  }

  /** The current result as a result document (docs/result.schema.json). The command writes the same format. */
  async document(onProgress: (progress: ExplainProgress) => void): Promise<ResultDocument> {
    const request = documentRequest(this.state, this.#shown())!;
    const detector = await this.#keeper.detector();
    return this.#explaining.beforeMeasuring(() =>
      this.#keeper.watch(detector.document(photoOf(this.state), { ...request, onProgress })),
    );
  }

  /** Detections that match the class filter. */
  shownDetections(): readonly Detection[] {
    return shownOf(this.state);
  }

  dispose(): void {
    this.#store.dispose();
    this.#keeper.close();
  }

  #shown(): ShownMap {
    const { shown } = this.state.map;
    if (shown === undefined) throw new Error("There is no heatmap to export. Select a box first.");
    return shown;
  }

  /** Explains what the user asks for. A note about a file that failed passes. */
  #ask(subject: Subjects): void {
    this.#store.update({ note: undefined });
    this.#explaining.subject(subject);
  }

  #restart(): void {
    this.#keeper.restart();
    void this.#opening.again();
  }

  /** Switches to the CPU if WebGPU fails and the device is "auto": some models fail on WebGPU only. Returns true if it switches. */
  #leaveGpu({ code }: Failure): boolean {
    const { model, settings } = this.state;
    const onGpu = model.phase === "ready" && model.model.provider.device === "webgpu";
    if (code !== "runtime" || !onGpu || settings.device !== "auto" || this.#keeper.withoutGpu) return false;
    this.#keeper.withoutGpu = true;
    this.#store.update({ said: "WebGPU failed. The CPU is used instead." });
    this.#restart();
    return true;
  }
}
