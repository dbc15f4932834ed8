import { WhyboxError } from "@whybox/core";
import { type ImageSource, isFixed, sendable } from "./image-source.js";
import type { QuestionImage } from "./protocol.js";

interface Held {
  readonly id: number;
  readonly source: ImageSource;
}

/** The image that the worker holds. The same file, URL or bitmap is not sent twice. */
export class Images {
  readonly #maxPixels: number | undefined;
  #next = 1;
  #held: Held | undefined;

  constructor(maxPixels: number | undefined) {
    this.#maxPixels = maxPixels;
  }

  /** Makes a call with an image. */
  async with<T>(
    source: ImageSource,
    signal: AbortSignal | undefined,
    call: (image: QuestionImage) => Promise<T>,
  ): Promise<T> {
    const before = this.#held;
    if (before !== undefined && before.source === source) {
      try {
        return await call({ id: before.id });
      } catch (error) {
        // The call that brought the image may have been aborted, or another image came.
        if (!(error instanceof WhyboxError) || error.details.absentImage !== true) throw error;
      }
    }
    const sent = await sendable(source, signal);
    const mine: Held = { id: this.#next++, source };
    this.#held = isFixed(source) ? mine : undefined;
    try {
      return await call({ id: mine.id, sent, maxPixels: this.#maxPixels });
    } catch (error) {
      if (this.#held === mine) this.#held = before;
      throw error;
    }
  }
}
