import { throwIfAborted } from "../../errors.js";
import type { RgbImage } from "../../image/frame.js";
import { letterbox } from "../../image/letterbox.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { ForwardPlan } from "../plan/tap-plan.js";
import type { FittedImage } from "./fit-image.js";
import { type ForwardResult, runForward } from "./forward-pass.js";
import { disposeAll } from "./runtime-tensors.js";
import type { Scratch } from "./scratch.js";

/** A request for a forward pass. */
export interface PassRequest {
  readonly input: FittedImage;
  readonly plan: ForwardPlan;
  /** Whether the network's input is read after the pass. */
  readonly keepsInput: boolean;
  /** Whether the memory of the values may be freed after the pass. True if no method and no score of this call keeps a reference to them. */
  readonly mayFree: boolean;
  readonly scratch: Scratch;
  readonly signal: AbortSignal | undefined;
}

/** A forward pass in use. Its tensors are valid until `release`. */
export interface Pass {
  readonly forward: ForwardResult;
  /** Milliseconds. 0 for a step that a cached pass skips. */
  readonly timings: { readonly letterbox: number; readonly forward: number };
  /** Ends the use. Must be called once. */
  release(): void;
}

interface Kept {
  readonly image: RgbImage;
  readonly outputs: ReadonlySet<string>;
  readonly forward: ForwardResult;
  users: number;
  mayFree: boolean;
  /** True if no further call may use the pass. Its last user disposes of it. */
  isDropped: boolean;
}

/** Maximum number of values in all cached passes except the newest. Passes for layers near the head fit, passes for deep layers do not. */
const MAX_VALUES = 16_000_000;

/**
 * Runs forward passes and disposes of their tensors. With `keeps`, it caches passes of the last image: the newest, and older small ones. A
 * cached pass is used again if it has all values that a request needs.
 */
export class KeptPasses {
  readonly #loaded: LoadedModel;
  readonly #keeps: boolean;
  /** In order of age, newest last. */
  #kept: readonly Kept[] = [];

  constructor(loaded: LoadedModel, { keeps }: { readonly keeps: boolean }) {
    this.#loaded = loaded;
    this.#keeps = keeps;
  }

  /** Runs the forward pass of an image, or returns a cached one. @throws runtime, aborted. */
  async run(request: PassRequest): Promise<Pass> {
    const found = this.#kept.find((kept) => serves(kept, request));
    if (found === undefined) return this.#runNew(request);
    throwIfAborted(request.signal);
    const started = performance.now();
    const { forward } = found;
    const isMissing = request.keepsInput && forward.input.length === 0;
    const input = isMissing ? letterbox(request.input.image, forward.letterbox) : forward.input;
    const timings = { letterbox: performance.now() - started, forward: 0 };
    found.users++;
    found.mayFree &&= request.mayFree;
    return { forward: { ...forward, input }, timings, release: () => release(found) };
  }

  /** Disposes of every cached pass. A pass in use is disposed of after its last user. */
  dispose(): void {
    this.#keepOnly(() => false);
  }

  async #runNew(request: PassRequest): Promise<Pass> {
    const { input, plan, keepsInput, mayFree, scratch, signal } = request;
    // Free memory for the new pass.
    this.#makeRoom(request);
    throwIfAborted(signal);
    const started = performance.now();
    const [height, width] = input.letterbox.inputSize;
    const pixels = letterbox(input.image, input.letterbox, scratch.array("input", 3 * height * width));
    const letterboxed = performance.now();
    const forward = await runForward(this.#loaded, { plan, letterbox: input.letterbox, pixels, keepsInput, signal });
    const timings = { letterbox: letterboxed - started, forward: performance.now() - letterboxed };
    const kept: Kept = {
      image: input.image,
      outputs: new Set(plan.outputs),
      forward,
      users: 1,
      mayFree,
      isDropped: !this.#keeps,
    };
    if (this.#keeps) {
      // A call for another image may have added its pass in the meantime.
      this.#makeRoom(request);
      this.#kept = [...this.#kept, kept];
    }
    return { forward, timings, release: () => release(kept) };
  }

  /** Drops passes of other images, passes whose values the new pass also has, and large passes. */
  #makeRoom(request: PassRequest): void {
    const outputs = new Set(request.plan.outputs);
    let values = 0;
    this.#keepOnly((kept) => {
      const isCovered = [...kept.outputs].every((name) => outputs.has(name));
      if (!isSame(kept, request) || isCovered) return false;
      values += valuesOf(kept);
      return values <= MAX_VALUES;
    });
  }

  /** Drops the passes for which `keeps` returns false. Calls it from the newest to the oldest pass. */
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

function serves(kept: Kept, request: PassRequest): boolean {
  return isSame(kept, request) && request.plan.outputs.every((name) => kept.outputs.has(name));
}

/** Whether a cached pass has the same image and the same input size. */
function isSame({ image, forward }: Kept, { input }: PassRequest): boolean {
  const [height, width] = input.letterbox.inputSize;
  const [h, w] = forward.letterbox.inputSize;
  return image === input.image && height === h && width === w;
}

function valuesOf({ forward }: Kept): number {
  const sizes = Object.values(forward.tensors).map(({ dims }) => dims.reduce((product, dim) => product * dim, 1));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function release(kept: Kept): void {
  kept.users--;
  disposeIdle(kept);
}

function disposeIdle({ users, mayFree, isDropped, forward }: Kept): void {
  if (!isDropped || users > 0) return;
  if (mayFree) for (const tensor of Object.values(forward.tensors)) tensor.free?.();
  disposeAll(forward.tensors);
}
