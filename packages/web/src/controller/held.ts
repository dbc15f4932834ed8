import type { Answer, DecodedPhoto, OpenedModel, Weights } from "@whybox/browser/engine";
import type { Settings } from "./settings.js";

export interface HeldModel {
  readonly model: OpenedModel;
  readonly weights: Weights;
  /** The settings when it was opened. */
  readonly settings: Settings;
}

export interface HeldPhoto {
  readonly name: string;
  readonly file: Blob;
  readonly facts: DecodedPhoto;
}

/**
 * What the worker holds: the last model and the last photo that it could open. A file that fails later does not change them. Answers are
 * noted even if nobody waits for them any more.
 */
export class Held {
  #model: HeldModel | undefined;
  #photo: HeldPhoto | undefined;

  get lastModel(): HeldModel | undefined {
    return this.#model;
  }

  get lastPhoto(): HeldPhoto | undefined {
    return this.#photo;
  }

  async model(answer: Promise<Answer<OpenedModel>>, from: Omit<HeldModel, "model">): Promise<Answer<OpenedModel>> {
    const found = await answer;
    if (found.ok) this.#model = { ...from, model: found.value };
    return found;
  }

  async photo(answer: Promise<Answer<DecodedPhoto>>, from: Omit<HeldPhoto, "facts">): Promise<Answer<DecodedPhoto>> {
    const found = await answer;
    if (found.ok) this.#photo = { ...from, facts: found.value };
    return found;
  }

  noModel(): void {
    this.#model = undefined;
  }

  noPhoto(): void {
    this.#photo = undefined;
  }
}
