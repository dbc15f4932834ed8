import { detect } from "../../detector/detect.js";
import { throwIfAborted } from "../../errors.js";
import type { RgbImage } from "../../image/frame.js";
import { letterbox } from "../../image/letterbox.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { ResolvedDetectOptions } from "../options/resolve-options.js";
import type { ForwardPlan } from "../plan/tap-plan.js";
import { disposeAll, type Forward, type ForwardResult, forwardPass, planInput } from "./forward-pass.js";

/** What is asked of a forward pass. */
export interface ForwardRequest {
  readonly plan: ForwardPlan;
  readonly image: RgbImage;
  readonly options: ResolvedDetectOptions;
  /** Whether the network's input is needed afterwards. */
  readonly keepInput: boolean;
  /** Whether methods or scores of somebody else see the values, and may keep them: their memory is left to the garbage collector then. */
  readonly isSeen: boolean;
  readonly signal: AbortSignal | undefined;
}

interface Kept {
  readonly image: RgbImage;
  readonly outputs: ReadonlySet<string>;
  readonly result: ForwardResult;
  users: number;
  isSeen: boolean;
  /** Nobody is to use it any more: whoever uses it last disposes of it. */
  isDropped: boolean;
}

/** Values of older passes that are kept beside the newest: those of passes near the head, not those of deep ones. */
const MOST_VALUES = 16_000_000;

/**
 * Runs forward passes and disposes of their tensors. With `keeps` the passes of the last picture stay, the newest and older ones that are
 * small, and serve whatever is asked next about it and needs no values besides.
 */
export class ForwardKeeper {
  readonly #loaded: LoadedModel;
  readonly #keeps: boolean;
  /** The newest last. */
  #kept: readonly Kept[] = [];

  constructor(loaded: LoadedModel, keeps: boolean) {
    this.#loaded = loaded;
    this.#keeps = keeps;
  }

  /** What `body` makes of a forward pass; its tensors are there until `body` is done. */
  async use<T>(request: ForwardRequest, body: (forward: Forward) => Promise<T> | T): Promise<T> {
    const found = this.#kept.find((kept) => this.#serves(kept, request));
    const { kept, forward } = found ? { kept: found, forward: this.#again(found, request) } : await this.#run(request);
    kept.users++;
    kept.isSeen ||= request.isSeen;
    try {
      return await body(forward);
    } finally {
      kept.users--;
      disposeIdle(kept);
    }
  }

  /** Lets go of all that is kept. */
  dispose(): void {
    this.#keepOnly(() => false);
  }

  async #run(request: ForwardRequest): Promise<{ readonly kept: Kept; readonly forward: Forward }> {
    const { plan, image, options, keepInput, signal } = request;
    // Before the next pass, which needs the memory.
    this.#makeRoom(request);
    const forward = await forwardPass(this.#loaded, plan, image, options, keepInput, signal);
    const { result } = forward;
    const kept: Kept = {
      image,
      result,
      outputs: new Set(plan.outputs),
      users: 0,
      isSeen: false,
      isDropped: !this.#keeps,
    };
    if (this.#keeps) {
      // Another picture may have come meanwhile.
      this.#makeRoom(request);
      this.#kept = [...this.#kept, kept];
    }
    return { kept, forward };
  }

  #serves(kept: Kept, request: ForwardRequest): boolean {
    return this.#isSame(kept, request) && request.plan.outputs.every((name) => kept.outputs.has(name));
  }

  /** Whether it is of the same picture at the same size. */
  #isSame({ image, result }: Kept, request: ForwardRequest): boolean {
    if (image !== request.image) return false;
    const [height, width] = planInput(this.#loaded, image, request.options).inputSize;
    const [h, w] = result.letterbox.inputSize;
    return height === h && width === w;
  }

  /** The same pass under other options of detection. */
  #again({ image, result: made }: Kept, { options, keepInput, signal }: ForwardRequest): Forward {
    throwIfAborted(signal);
    const t0 = performance.now();
    const result = keepInput && made.input.length === 0 ? { ...made, input: letterbox(image, made.letterbox) } : made;
    const t1 = performance.now();
    const { head, classNames } = this.#loaded;
    const detections = detect(result.predictions, head, classNames, result.letterbox, options);
    return { result, detections, timings: { letterbox: t1 - t0, forward: 0, detect: performance.now() - t1 } };
  }

  /** Lets go of other pictures, of what the new pass gives too, and of what is large. */
  #makeRoom(request: ForwardRequest): void {
    const outputs = new Set(request.plan.outputs);
    let values = 0;
    this.#keepOnly((kept) => {
      const isCovered = [...kept.outputs].every((name) => outputs.has(name));
      if (!this.#isSame(kept, request) || isCovered) return false;
      values += valuesOf(kept);
      return values <= MOST_VALUES;
    });
  }

  /** Asks from the newest to the oldest. */
  #keepOnly(keeps: (kept: Kept) => boolean): void {
    const left = new Set([...this.#kept].reverse().filter(keeps));
    const gone = this.#kept.filter((kept) => !left.has(kept));
    this.#kept = this.#kept.filter((kept) => left.has(kept));
    for (const kept of gone) {
      kept.isDropped = true;
      disposeIdle(kept);
    }
  }
}

function valuesOf({ result }: Kept): number {
  const sizes = Object.values(result.tensors).map(({ dims }) => dims.reduce((product, dim) => product * dim, 1));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function disposeIdle({ users, isSeen, isDropped, result }: Kept): void {
  if (!isDropped || users > 0) return;
  if (!isSeen) for (const tensor of Object.values(result.tensors)) tensor.free?.();
  disposeAll(result.tensors);
}
