import { describesModel } from "@whybox/browser";
import { type Failure, failureOf, Task } from "./calls.js";
import type { EngineKeeper } from "./engine-keeper.js";
import type { Explaining } from "./explaining.js";
import { nameOf, type Weights } from "./requests.js";
import { inputSettings } from "./settings.js";
import type { Note, PhotoState, State } from "./state.js";
import type { Store } from "./store.js";

type ReadyPhoto = Extract<PhotoState, { readonly phase: "ready" }>;

/** Opens models and photos. What was open stays until the next one can be opened. */
export class Opening {
  readonly #store: Store;
  readonly #keeper: EngineKeeper;
  readonly #explaining: Explaining;
  readonly #model: Task;
  readonly #photo: Task;
  /** The model that was opened last, or that is being opened. */
  #weights: Weights = { kind: "default" };
  /** The model of the user that could not be opened last. Files that it missed may still come. */
  #refused: Weights | undefined;
  /** The last photo that could be opened, even if nobody waits for it any more. */
  #lastPhoto: ReadyPhoto | undefined;

  constructor(store: Store, keeper: EngineKeeper, explaining: Explaining) {
    this.#store = store;
    this.#keeper = keeper;
    this.#explaining = explaining;
    this.#model = new Task(keeper.watch);
    this.#photo = new Task(keeper.watch);
  }

  get #state(): State {
    return this.#store.state;
  }

  model(weights: Weights = { kind: "default" }): Promise<void> {
    const name = nameOf(weights);
    const { settings } = this.#state;
    this.#weights = weights;
    this.#explaining.pause();
    this.#store.update({ model: { phase: "opening", name, progress: undefined } });
    return this.#model.start(
      async (step, isCurrent) => {
        const show = (progress: Extract<State["model"], { readonly phase: "opening" }>["progress"]) =>
          isCurrent() && this.#store.update({ model: { phase: "opening", name, progress } });
        const opened = await step((signal) =>
          this.#keeper.open(weights, settings, {
            signal,
            onStage: (stage) => show({ stage }),
            onProgress: (download) => show({ stage: "download", download }),
          }),
        );
        this.#keeper.use(opened);
        this.#explaining.forget();
        const { detector } = opened;
        const said = `${detector.report.name} is ready.`;
        this.#store.update({ model: { phase: "ready", model: detector }, note: undefined, said });
        await this.#explaining.detect();
      },
      (error) => this.#keepModel({ what: "model", name, failure: failureOf(error) }),
    );
  }

  /** Opens the model again: with other settings, or in another engine. */
  modelAgain(): Promise<void> {
    return this.model(this.#weights);
  }

  /** Opens a model of the user again, with files that it missed or that describe it. Returns false if it needs none of them. */
  complete(files: readonly File[]): boolean {
    const { model, note } = this.#state;
    const failure = model.phase === "failed" ? model.failure : note?.failure;
    const missing = (failure?.missing ?? []).map((path) => path.split("/").at(-1));
    const weights = (model.phase === "failed" || note?.what === "model" ? this.#refused : undefined) ?? this.#weights;
    const isPart = (file: File) => missing.includes(file.name) || describesModel(file) !== undefined;
    if (weights.kind !== "file" || !files.some(isPart)) return false;
    const kept = (weights.beside ?? []).filter((old) => !files.some((file) => isSamePart(file, old)));
    void this.model({ ...weights, beside: [...kept, ...files] });
    return true;
  }

  cancelModel(): void {
    const { model } = this.#state;
    if (model.phase !== "opening") return;
    this.#model.stop();
    this.#keepModel({ what: "model", name: model.name, failure: { code: "cancelled", message: "Cancelled." } });
  }

  /** A model that was in use cannot be opened any more. */
  loseModel(weights: Weights, failure: Failure): void {
    this.#store.update({ model: { phase: "failed", name: nameOf(weights), failure } });
  }

  /** Opens a photo. The current one stays until the new one is decoded, and if it cannot be. */
  photo(name: string, file: Blob): Promise<void> {
    const hasPhoto = this.#state.photo.phase === "ready";
    this.#explaining.pause();
    this.#store.update(hasPhoto ? { incoming: name } : { photo: { phase: "decoding", name, file }, incoming: name });
    return this.#photo.start(
      async (step) => {
        const photo = await step(async (signal): Promise<ReadyPhoto> => {
          const facts = await this.#keeper.engine.open(file, { signal });
          this.#lastPhoto = { phase: "ready", name, file, facts };
          return this.#lastPhoto;
        });
        this.#explaining.forget();
        this.#store.update({ photo, incoming: undefined, note: undefined });
        void this.#explaining.detect();
      },
      (error) => this.failPhoto(name, failureOf(error)),
    );
  }

  /** Reports why a photo or a video could not be opened. What was open stays. */
  failPhoto(name: string, failure: Failure): void {
    const { photo } = this.#state;
    const kept = this.#lastPhoto;
    this.#store.update({ note: { what: "photo", name, failure }, incoming: undefined });
    if (kept === undefined) this.#store.update({ photo: { phase: "none" }, found: { phase: "none" } });
    else if (photo.phase !== "ready" || photo.file !== kept.file) {
      this.#explaining.forget();
      this.#store.update({ photo: kept });
    }
    this.#explaining.resume();
  }

  noPhoto(): void {
    this.#photo.stop();
    this.#lastPhoto = undefined;
  }

  /** Opens the photo and the model in a new engine. */
  async again(): Promise<void> {
    const { photo } = this.#state;
    this.#model.stop();
    this.noPhoto();
    this.#explaining.forget();
    const hasPhoto = photo.phase === "ready" || photo.phase === "decoding";
    await Promise.all([hasPhoto ? this.photo(photo.name, photo.file) : undefined, this.modelAgain()]);
  }

  /** After a model that could not be opened: the one before it stays. */
  #keepModel(note: Note): void {
    const { failure, name } = note;
    const kept = this.#keeper.model;
    this.#refused = this.#weights;
    if (kept === undefined) {
      this.#explaining.forget();
      this.#store.update({ model: { phase: "failed", name, failure } });
      return;
    }
    const { settings } = this.#state;
    this.#weights = kept.weights;
    const isSame = inputSettings.every((key) => kept.settings[key] === settings[key]);
    const input = Object.fromEntries(inputSettings.map((key) => [key, kept.settings[key]]));
    // A note is read out by itself.
    const isCancelled = failure.code === "cancelled";
    this.#store.update({
      model: { phase: "ready", model: kept.detector },
      ...(isCancelled ? { note: undefined, said: failure.message } : { note }),
      ...(isSame ? {} : { settings: { ...settings, ...input } }),
    });
    this.#explaining.resume();
  }
}

/** Whether a file takes the place of an earlier one that came with the same model. */
function isSamePart(file: File, old: File): boolean {
  return file.name === old.name || (describesModel(file) === "names" && describesModel(old) === "names");
}
