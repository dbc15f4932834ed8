/** `input`: what goes into the network, `[3, H, W]`. `map`: a map over the input, `[H, W]`. */
export type ScratchUse = "input" | "map";

/**
 * The large arrays of one call. A call takes a scratch when it starts, hands it to its steps, and gives it back when it ends, so that the next call
 * need not allocate megabytes again. No result holds an array of a scratch.
 */
export class Scratch {
  readonly #arrays = new Map<ScratchUse, Float32Array>();

  /**
   * The array for one use, with any values in it. It is valid until the next request for the same use.
   * An array that was transferred to another thread has length 0; a new one takes its place.
   */
  array(use: ScratchUse, length: number): Float32Array {
    const known = this.#arrays.get(use);
    if (known?.length === length) return known;
    const created = new Float32Array(length);
    this.#arrays.set(use, created);
    return created;
  }
}

/** Keeps the scratch of the last call for the next one. Calls that run at the same time have one each. */
export class ScratchPool {
  #idle: Scratch | undefined;

  take(): Scratch {
    const scratch = this.#idle ?? new Scratch();
    this.#idle = undefined;
    return scratch;
  }

  give(scratch: Scratch): void {
    this.#idle = scratch;
  }
}
