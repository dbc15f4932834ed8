import type { ExplainOptions } from "@whybox/core";
import { BackgroundMeasuring } from "./background.js";
import { type Failure, failureOf, Task } from "./calls.js";
import { compareInTurn, waiting } from "./comparison.js";
import type { EngineKeeper } from "./engine-keeper.js";
import { MapMaker } from "./map-maker.js";
import { photoOf, sceneOf, shownOf, subjectOf } from "./read-state.js";
import { detectRequest, methodsOf, thresholds } from "./requests.js";
import { MAX_COMPARED } from "./settings.js";
import { type Compared, countOf, noMap, nothingSelected, type State, sentenceOf } from "./state.js";
import type { Store } from "./store.js";

/** The parts of the state that say what is explained. */
export type Subjects = Pick<State, "selection" | "ownBox" | "whole">;

interface ExplainingOptions {
  readonly store: Store;
  readonly keeper: EngineKeeper;
  readonly now: () => number;
  /** Looks at the failure of a model. Returns true if another engine tries again. */
  readonly retries: (failure: Failure) => boolean;
}

/** What is asked about the photo: its detections, their heatmaps, previews, a comparison of methods, and the layers. */
export class Explaining {
  readonly #store: Store;
  readonly #keeper: EngineKeeper;
  readonly #now: () => number;
  readonly #retries: (failure: Failure) => boolean;
  readonly #maker: MapMaker;
  readonly #detecting: Task;
  readonly #map: Task;
  readonly #comparison: Task;
  readonly #looking: Task;
  readonly #hovering: Task;
  readonly #measuring: BackgroundMeasuring;

  constructor({ store, keeper, now, retries }: ExplainingOptions) {
    this.#store = store;
    this.#keeper = keeper;
    this.#now = now;
    this.#retries = retries;
    const heat = async (options: ExplainOptions) => (await keeper.detector()).heat(photoOf(store.state), options);
    this.#maker = new MapMaker(heat, now);
    this.#detecting = new Task(keeper.watch);
    this.#map = new Task(keeper.watch);
    this.#comparison = new Task(keeper.watch);
    this.#looking = new Task(keeper.watch);
    this.#hovering = new Task(keeper.watch);
    this.#measuring = new BackgroundMeasuring({ store, watch: keeper.watch, heat });
  }

  get #state(): State {
    return this.#store.state;
  }

  /** Cancels all work on the current detections, so that a file opens at once. What is shown stays. */
  pause(): void {
    this.#measuring.stop();
    for (const task of [this.#detecting, this.#map, this.#comparison, this.#looking, this.#hovering]) task.stop();
  }

  /** Continues the work that `pause` cancelled, after a file that could not be opened. */
  resume(): void {
    const { found, map, photo, thumbnails, comparing } = this.#state;
    if (thumbnails === "running") this.#store.update({ thumbnails: undefined });
    if (photo.phase === "ready" && found.phase !== "ready") void this.detect();
    else if (map.running !== undefined) this.explain();
    if (comparing) this.compare();
  }

  /** Cancels all work on the current detections and clears them. */
  forget(): void {
    this.pause();
    this.#maker.forget();
    this.#store.update({ ...nothingSelected, found: { phase: "none" }, thumbnails: undefined });
  }

  /** Cancels the running maps. The current map stays. */
  cancel(): void {
    this.#map.stop();
    this.#comparison.stop();
    this.#store.update({ map: { ...this.#state.map, running: undefined, progress: undefined }, said: "Cancelled." });
  }

  /** Detects objects when the model and the photo are ready. Then explains the most confident detection. */
  async detect(): Promise<void> {
    const { model, photo, settings } = this.#state;
    if (model.phase !== "ready" || photo.phase !== "ready") return;
    this.#measuring.stop();
    this.#map.stop();
    this.#maker.forget();
    this.#store.update({ ...nothingSelected, found: { phase: "running" } });
    const started = this.#now();
    await this.#detecting.start(
      async (step) => {
        const request = detectRequest(settings);
        const { detections: list } = await step(async (signal) =>
          (await this.#keeper.detector()).detect(photo.file, { ...request, signal }),
        );
        this.#store.update({ found: { phase: "ready", list, ms: this.#now() - started }, said: countOf(list) });
        this.#selectFirst();
      },
      (error) => {
        const failure = failureOf(error);
        if (!this.#retries(failure)) this.#store.update({ found: { phase: "failed", failure } });
      },
    );
  }

  /** After another choice of classes. */
  filter(): void {
    const { whole, ownBox, selection } = this.#state;
    const shown = new Set(shownOf(this.#state).map(({ index }) => index));
    const left = selection.filter((index) => shown.has(index));
    if (whole || ownBox !== undefined) this.explain();
    else if (left.length > 0) this.subject({ selection: left, ownBox: undefined, whole: false });
    else if (!this.#selectFirst()) this.subject({ selection: [], ownBox: undefined, whole: false });
  }

  #selectFirst(): boolean {
    const first = shownOf(this.#state)[0];
    if (first !== undefined) this.subject({ selection: [first.index], ownBox: undefined, whole: false });
    return first !== undefined;
  }

  subject(subject: Subjects): void {
    this.#hovering.stop();
    this.#store.update({ ...subject, preview: undefined, hovered: undefined });
    this.explain();
    if (this.#state.comparing) this.compare();
  }

  /** Makes the map of the selection: first a quick one, then the one of the chosen method. */
  explain(): void {
    const subject = subjectOf(this.#state);
    this.#measuring.stop();
    this.#map.stop();
    if (subject === undefined) {
      this.#store.update({ map: noMap });
      return;
    }
    const { settings } = this.#state;
    const update = (patch: Partial<State["map"]>) => this.#store.update({ map: { ...this.#state.map, ...patch } });
    void this.#map.start(
      async (step, isCurrent) => {
        for (const method of methodsOf(settings)) {
          update({ running: method, progress: undefined, failure: undefined });
          const onProgress = (progress: State["map"]["progress"]) => isCurrent() && update({ progress });
          const shown = await this.#maker.make(step, sceneOf(this.#state), { subject, method, onProgress });
          update({ shown: { ...shown, isQuick: method !== settings.method } });
        }
        const map = { ...this.#state.map, running: undefined, progress: undefined };
        this.#store.update({ map, said: sentenceOf(map.shown) });
      },
      (error) => {
        const failure = failureOf(error);
        if (this.#retries(failure)) return;
        const shown = this.#state.map.shown?.isQuick ? this.#state.map.shown : undefined;
        update({ shown, running: undefined, progress: undefined, failure });
        this.#store.update({ said: failure.message });
      },
    );
  }

  /** Shows the map of a detection while the pointer is on it. */
  hover(index: number | undefined): void {
    if (index === this.#state.hovered) return;
    this.#hovering.stop();
    const preview = index === undefined ? undefined : this.#maker.cached(sceneOf(this.#state), index);
    this.#store.update({ hovered: index, preview });
    // For a large photo not every map is cached. A requested map has priority over a preview, and so has a measurement.
    const isBusy = this.#state.map.running !== undefined || this.#state.measuring?.phase === "running";
    if (index === undefined || preview !== undefined || isBusy) return;
    void this.#hovering.start(
      async (step) => this.#store.update({ preview: await this.#maker.preview(step, sceneOf(this.#state), index) }),
      (error) => this.#store.update({ said: failureOf(error).message }),
    );
  }

  /** Measures how faithful the shown map is, in the background. */
  measure(): void {
    this.#measuring.start();
  }

  stopMeasuring(): void {
    this.#measuring.stop();
  }

  showRegion(isRegionShown: boolean): void {
    this.#measuring.showRegion(isRegionShown);
  }

  /** Does what the user asks for before a measurement that runs. */
  beforeMeasuring<T>(work: () => Promise<T>): Promise<T> {
    return this.#measuring.after(work);
  }

  stopComparing(): void {
    this.#comparison.stop();
  }

  /** Runs the chosen methods one after another. */
  compare(): void {
    const subject = subjectOf(this.#state);
    const methods = this.#state.settings.compare.slice(0, MAX_COMPARED);
    this.#measuring.stop();
    this.#store.update({ compared: subject === undefined ? [] : waiting(methods) });
    if (subject === undefined) return;
    const put = (i: number, patch: Partial<Compared>) =>
      this.#store.update({ compared: this.#state.compared.map((one, n) => (n === i ? { ...one, ...patch } : one)) });
    void this.#comparison.start(
      (step, isCurrent) =>
        compareInTurn(
          methods,
          (method, onProgress) => this.#maker.make(step, sceneOf(this.#state), { subject, method, onProgress }),
          (i, patch) => isCurrent() && put(i, patch),
        ),
      (error) => this.#store.update({ said: failureOf(error).message }),
    );
  }

  /** Computes a small map of each layer's activations. */
  lookAtLayers(): void {
    const { photo, model, thumbnails, settings } = this.#state;
    if (photo.phase !== "ready" || model.phase !== "ready" || thumbnails !== undefined) return;
    this.#store.update({ thumbnails: "running" });
    const request = thresholds(settings);
    const looking = this.#looking.start(
      async (step) => {
        const made = await step(async (signal) =>
          (await this.#keeper.detector()).layerMaps(photo.file, { ...request, signal }),
        );
        this.#store.update({ thumbnails: made });
      },
      (error) => this.#store.update({ thumbnails: [], said: failureOf(error).message }),
    );
    void this.#measuring.after(() => looking);
  }
}
