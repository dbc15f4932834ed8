/** Values that are made when they are read. The values that were read last are kept. */
export class Recent<T> {
  readonly #make: (index: number) => T;
  readonly #max: number;
  readonly #kept = new Map<number, T>();

  /** @param max maximum number of values that are kept, at least 1. */
  constructor(make: (index: number) => T, max: number) {
    this.#make = make;
    this.#max = max;
  }

  get(index: number): T {
    const value = this.#kept.get(index) ?? this.#make(index);
    this.#kept.delete(index);
    this.#kept.set(index, value);
    if (this.#kept.size > this.#max) this.#kept.delete(this.#kept.keys().next().value!);
    return value;
  }
}
