/** `input`: the network's input, `[3, H, W]`. `map`: a map over the input, `[H, W]`. */
export type ScratchUse = "input" | "map";

/**
 * Large buffers for one call. A call takes a scratch at its start, passes it to its steps, and gives it back at its end. So the next call does
 * not have to allocate megabytes again. No result holds an array of a scratch.
 */
export class Scratch {
  readonly #arrays = new Map<ScratchUse, Float32Array>();

  /**
   * The array for one use, with arbitrary values. It is valid until the next request for the same use.
   * An array that was transferred to another thread has length 0 and is replaced by a new one.
   */
  array(use: ScratchUse, length: number): Float32Array {
    const known = this.#arrays.get(use);
    if (known?.length === length) return known;
    const created = new Float32Array(length);
    this.#arrays.set(use, created);
    return created;
  }
}

/** Keeps the scratch of the last call for the next one. Calls that run at the same time have separate scratches. */
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
