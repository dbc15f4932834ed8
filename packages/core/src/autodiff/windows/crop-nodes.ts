import type { GraphBuilder, Value } from "../../onnx/builder.js";
import type { MapFacts } from "./map-facts.js";

/** Inputs of a windowed backward model that say where the windows are. */
export interface WindowInputs {
  /** `[N, h, w, H, W]`, int64: the number of windows, their size, and the size of the network's input. The sizes are in blocks. */
  readonly sizes: string;
  /** Stride → for each piece of the windows, its index in the whole map. int32. A piece is a row of cells as wide as a block. */
  readonly crops: ReadonlyMap<number, string>;
  /** Stride → for each piece of N whole maps: 1 + its index in the windows, or 0 outside of its window. int32. */
  readonly spreads: ReadonlyMap<number, string>;
  /** Stride → for each cell of the windows: 1 + its index in the cotangents of a root, or 0 if the cell belongs to no seed of the window. int32. */
  readonly picks: ReadonlyMap<number, string>;
}

/** Emits the nodes that cut windows `[N, C, h, w]` out of maps, and put them back. */
export class CropNodes {
  readonly #build: GraphBuilder;
  readonly #prefix: string;
  readonly #block: number;
  readonly #windowCount: Value;
  readonly #names: Readonly<Record<"crop" | "spread" | "pick", Map<number, string>>>;

  constructor(build: GraphBuilder, prefix: string, block: number) {
    this.#build = build;
    this.#prefix = prefix;
    this.#block = block;
    this.#windowCount = this.#sizes(0, 1);
    this.#names = { crop: new Map(), spread: new Map(), pick: new Map() };
  }

  get inputs(): WindowInputs {
    const { crop, spread, pick } = this.#names;
    return { sizes: this.#sizesName, crops: crop, spreads: spread, picks: pick };
  }

  /** The shape `[N, C, h, w]` of the windows of a map. */
  shape(map: MapFacts): Value {
    return this.#shape(map, 1);
  }

  /** The windows of a map `[1, C, H, W]`. */
  crop(value: Value, map: MapFacts): Value {
    const pieces = this.#build.op("Reshape", [value, this.#build.ints([map.channels, -1, this.#width(map)])]);
    return this.#arranged(this.#gathered(pieces, "crop", map), map, this.shape(map));
  }

  /** The windows of the cotangents `[K, C, H, W]` of a root: the cells of each window's own seed, and zeros elsewhere. */
  pick(cotangents: Value, map: MapFacts): Value {
    const build = this.#build;
    const channelsFirst = build.op("Transpose", [cotangents], { perm: [1, 0, 2, 3] });
    const cells = this.#afterZero(build.op("Reshape", [channelsFirst, build.ints([map.channels, -1])]), [
      map.channels,
      1,
    ]);
    return this.#arranged(this.#gathered(cells, "pick", map), map, this.shape(map));
  }

  /** Whole maps `[N, C, H, W]` with the values of the windows, and zeros elsewhere. */
  spread(windows: Value, map: MapFacts): Value {
    const build = this.#build;
    const width = this.#width(map);
    const channelsFirst = build.op("Transpose", [windows], { perm: [1, 0, 2, 3] });
    const pieces = build.op("Reshape", [channelsFirst, build.ints([map.channels, -1, width])]);
    const padded = this.#afterZero(pieces, [map.channels, 1, width]);
    return this.#arranged(this.#gathered(padded, "spread", map), map, this.#shape(map, 3));
  }

  get #sizesName(): string {
    return `${this.#prefix}sizes`;
  }

  #sizes(start: number, end: number): Value {
    const { ints } = this.#build;
    const [from, to, axis] = [[start], [end], [0]].map((values) => ints.call(this.#build, values));
    return this.#build.op("Slice", [this.#sizesName, from!, to!, axis!]);
  }

  /** `[N, C, h, w]`, with the sides at `start` of the sizes. */
  #shape({ channels, stride }: MapFacts, start: number): Value {
    const build = this.#build;
    const sides = build.op("Mul", [this.#sizes(start, start + 2), build.ints([this.#block / stride])]);
    return build.op("Concat", [this.#windowCount, build.ints([channels]), sides], { axis: 0 });
  }

  /** Cells of a map in one piece. */
  #width({ stride }: MapFacts): number {
    return this.#block / stride;
  }

  #afterZero(value: Value, dims: readonly number[]): Value {
    const zeros = this.#build.floats(dims, new Float32Array(dims.reduce((product, size) => product * size, 1)));
    return this.#build.op("Concat", [zeros, value], { axis: 1 });
  }

  /** `[C, pieces, …]` at the indices of an input. */
  #gathered(pieces: Value, kind: "crop" | "spread" | "pick", { stride }: MapFacts): Value {
    const name = `${this.#prefix}${kind}/${stride}`;
    this.#names[kind].set(stride, name);
    return this.#build.op("Gather", [pieces, name], { axis: 1 });
  }

  /** Gathered values `[C, N · cells]` as `[N, C, h, w]`. */
  #arranged(gathered: Value, { channels }: MapFacts, shape: Value): Value {
    const build = this.#build;
    const split = build.op("Concat", [build.ints([channels]), this.#windowCount, build.ints([-1])], { axis: 0 });
    const rows = build.op("Transpose", [build.op("Reshape", [gathered, split])], { perm: [1, 0, 2] });
    return build.op("Reshape", [rows, shape]);
  }
}
