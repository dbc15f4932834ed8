import type { HeatMap, HeatResult } from "@whybox/browser";
import type { Detection, ExplainOptions, ExplainProgress } from "@whybox/core";
import type { Step } from "./calls.js";
import { MapCache } from "./map-cache.js";
import { joinMaps, measure } from "./measure.js";
import { explainRequest, QUICK, requestKey, type Subject } from "./requests.js";
import type { Settings } from "./settings.js";
import type { ShownMap } from "./state.js";

/** The input of a map. */
export interface Scene {
  readonly settings: Settings;
  readonly list: readonly Detection[];
}

interface By {
  readonly method: string;
  readonly onProgress?: (progress: ExplainProgress) => void;
}

export interface MapRequest extends By {
  readonly subject: Subject;
}

/** Makes maps, and caches the maps of detections until the scene changes. */
export class MapMaker {
  readonly #heat: (options: ExplainOptions) => Promise<HeatResult>;
  readonly #now: () => number;
  readonly #cache = new MapCache();

  /** @param heat explains the photo. */
  constructor(heat: (options: ExplainOptions) => Promise<HeatResult>, now: () => number) {
    this.#heat = heat;
    this.#now = now;
  }

  /** Removes all maps, because they belong to another photo, model or detection. */
  forget(): void {
    this.#cache.clear();
  }

  async make(step: Step, scene: Scene, { subject, ...by }: MapRequest): Promise<ShownMap> {
    const { method } = by;
    const started = this.#now();
    const { heat, explanation } =
      subject.kind === "detections"
        ? await this.#ofDetections(step, scene, subject.indices, by)
        : await this.#ofWhole(step, scene, subject, by);
    const isOne = subject.kind === "detections" && subject.indices.length === 1;
    const only = isOne ? scene.list[subject.indices[0]!] : undefined;
    const box = subject.kind === "box" ? subject.box : only?.isWholeImage ? undefined : only?.boxImage;
    const empty = explanation?.empty?.message ?? "This method finds no support for it.";
    return {
      ...{ heat, method, explanation, isQuick: false, ms: this.#now() - started, facts: measure(heat, box) },
      empty: heat.data.some((value) => value > 0) ? undefined : empty,
      asked: explanation?.asked,
    };
  }

  /** A cached map of a detection: by the chosen method, else by the quick one. Undefined if there is none. */
  cached(scene: Scene, index: number): HeatMap | undefined {
    return (this.#kept(scene, [index], scene.settings.method) ?? this.#kept(scene, [index], QUICK))?.[0];
  }

  /** Makes a quick map of a detection without a cached map. */
  async preview(step: Step, scene: Scene, index: number): Promise<HeatMap> {
    return (await this.#ofDetections(step, scene, [index], { method: QUICK })).heat;
  }

  async #ofWhole(
    step: Step,
    { settings }: Scene,
    subject: Subject,
    by: By,
  ): Promise<{ heat: HeatMap; explanation: HeatResult }> {
    const explanation = await this.#explain(step, explainRequest(settings, subject, by.method), by);
    return { heat: explanation.whole, explanation };
  }

  /** Maps from the cache, or new ones. */
  async #ofDetections(
    step: Step,
    scene: Scene,
    indices: readonly number[],
    by: By,
  ): Promise<{ heat: HeatMap; explanation: HeatResult | undefined }> {
    const kept = this.#kept(scene, indices, by.method);
    if (kept !== undefined) return { heat: joinMaps(kept), explanation: undefined };
    const request = explainRequest(scene.settings, { kind: "detections", indices }, by.method);
    const explanation = await this.#explain(step, request, by);
    this.#cache.put(requestKey(request), explanation.maps);
    const maps = indices.map((index) => explanation.maps.find(({ detections }) => detections[0] === index));
    return { heat: joinMaps(maps.filter((map) => map !== undefined)), explanation };
  }

  #explain(step: Step, request: ExplainOptions, { onProgress }: By): Promise<HeatResult> {
    return step((signal) => this.#heat({ ...request, signal, ...(onProgress && { onProgress }) }));
  }

  #kept({ settings }: Scene, indices: readonly number[], method: string): readonly HeatMap[] | undefined {
    const key = requestKey(explainRequest(settings, { kind: "detections", indices }, method));
    const maps = indices.map((index) => this.#cache.get(key, index));
    return maps.every((map) => map !== undefined) ? maps : undefined;
  }
}
