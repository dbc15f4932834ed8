import type { HeatResult } from "@whybox/browser";
import type { ExplainOptions } from "@whybox/core";
import { failureOf, Task, type Watch } from "./calls.js";
import { subjectOf } from "./read-state.js";
import { explainRequest } from "./requests.js";
import type { State } from "./state.js";
import type { Store } from "./store.js";

interface BackgroundOptions {
  readonly store: Store;
  readonly watch: Watch;
  /** Explains the photo. */
  readonly heat: (options: ExplainOptions) => Promise<HeatResult>;
}

/** Measures the shown map when the user asks. The engine takes one call at a time, so every other question of the user goes first. */
export class BackgroundMeasuring {
  readonly #store: Store;
  readonly #heat: BackgroundOptions["heat"];
  readonly #task: Task;

  constructor({ store, watch, heat }: BackgroundOptions) {
    this.#store = store;
    this.#heat = heat;
    this.#task = new Task(watch);
  }

  start(): void {
    const request = measureRequest(this.#store.state);
    if (request === undefined) return;
    const update = (measuring: State["measuring"]) => this.#store.update({ measuring });
    update({ phase: "running", progress: undefined });
    void this.#task.start(
      async (step, isCurrent) => {
        const { measured } = await step((signal) =>
          this.#heat({
            ...{ ...request, signal },
            onProgress: (progress) => isCurrent() && update({ phase: "running", progress }),
          }),
        );
        update({ phase: "ready", measurement: measured[0], isRegionShown: false });
      },
      (error) => update({ phase: "failed", failure: failureOf(error) }),
    );
  }

  /** Shows the smallest region of the measured map on the photo, or the map again. */
  showRegion(isRegionShown: boolean): void {
    const { measuring } = this.#store.state;
    if (measuring?.phase === "ready") this.#store.update({ measuring: { ...measuring, isRegionShown } });
  }

  /** Cancels the measurement, and removes the one of a former map. */
  stop(): void {
    this.#task.stop();
    if (this.#store.state.measuring !== undefined) this.#store.update({ measuring: undefined });
  }

  /** Does what the user asks for, and then starts an interrupted measurement again. */
  async after<T>(work: () => Promise<T>): Promise<T> {
    const { map, measuring } = this.#store.state;
    if (measuring?.phase !== "running") return work();
    this.#task.stop();
    this.#store.update({ measuring: { phase: "running", progress: undefined } });
    try {
      return await work();
    } finally {
      const now = this.#store.state;
      if (now.map.shown === map.shown && now.measuring?.phase === "running") this.start();
    }
  }
}

/** Whether the shown map belongs to one detection or a drawn box, and has heat. */
export function isMeasurable(state: State): boolean {
  const { shown } = state.map;
  const subject = subjectOf(state);
  const isOne = subject?.kind === "box" || (subject?.kind === "detections" && subject.indices.length === 1);
  return isOne && shown !== undefined && shown.empty === undefined;
}

/** The request that measures the shown map. Undefined while a better map runs, and for a map of several detections. */
export function measureRequest(state: State): ExplainOptions | undefined {
  const { shown, running } = state.map;
  const subject = subjectOf(state);
  if (!isMeasurable(state) || running !== undefined || shown!.isQuick) return undefined;
  return { ...explainRequest(state.settings, subject!, shown!.method), measure: true };
}
