import { intAttribute, intsAttribute, stringAttribute } from "../../onnx/attributes.js";
import type { GraphBuilder, Value } from "../../onnx/builder.js";
import type { GraphIndex } from "../../onnx/graph.js";
import { DataType, type Node, type TensorProto } from "../../onnx/model.js";
import { floatsOf } from "../../onnx/tensors.js";
import { constantInts, constantTensor, shapeVector } from "../constants.js";

/** Entries along one axis of a value. */
interface Part {
  readonly value: Value;
  readonly rank: number;
  readonly axis: number;
  /** Entries that the axis has. */
  readonly size: number;
  /** The ones that are wanted, ascending. */
  readonly picks: readonly number[];
}

const ELEMENTWISE: ReadonlySet<string> = new Set([
  "Sigmoid",
  "Exp",
  "Neg",
  "Identity",
  "Mul",
  "Add",
  "Sub",
  "Div",
  "Pow",
]);

/**
 * Builds some columns of a decoded head `[1, R, C]` anew, as a graph that computes nothing else: the choice of columns is moved backwards through
 * the decoding up to the prediction convolutions, of which the other channels are left out. Sizes are followed all the way, so that a column is
 * never taken for another; a decoding with an op that is not known here is left alone.
 */
export class ColumnNarrower {
  readonly #index: GraphIndex;
  readonly #build: GraphBuilder;
  /** Values that carry predictions; others are grids and anchors. */
  readonly #carriers: ReadonlySet<string>;
  readonly #columns: number;
  readonly #picks: readonly number[];
  readonly #made = new Map<string, Value | undefined>();

  /** @param picks columns of C, ascending. */
  constructor(
    index: GraphIndex,
    build: GraphBuilder,
    convs: readonly string[],
    columns: number,
    picks: readonly number[],
  ) {
    this.#index = index;
    this.#build = build;
    this.#carriers = index.descendants(convs);
    this.#columns = columns;
    this.#picks = picks;
  }

  /** The chosen columns of `rows`, `[1, r, C]`; undefined when the decoding is not understood. */
  narrow(rows: Value): Value | undefined {
    return this.#part({ value: rows, rank: 3, axis: 2, size: this.#columns, picks: this.#picks });
  }

  #part(part: Part): Value | undefined {
    const key = [part.value, part.rank, part.axis, part.size, part.picks].join("\n");
    if (!this.#made.has(key))
      this.#made.set(key, this.#carriers.has(part.value) ? this.#carrier(part) : this.#other(part));
    return this.#made.get(key);
  }

  #carrier(part: Part): Value | undefined {
    const node = this.#index.producer(part.value);
    switch (node?.opType) {
      case undefined:
        return undefined;
      case "Concat":
        return this.#concat(node, part);
      case "Split":
        return this.#split(node, part);
      case "Slice":
        return this.#slice(node, part);
      case "Reshape":
        return this.#reshape(node, part);
      case "Transpose": {
        const perm = intsAttribute(node, "perm");
        if (perm?.length !== part.rank) return undefined;
        return this.#emit(node, [this.#part({ ...part, value: node.inputs[0]!, axis: perm[part.axis]! })], { perm });
      }
      case "Conv":
        return this.#conv(node, part);
      default:
        if (node === undefined || !ELEMENTWISE.has(node.opType)) return undefined;
        return this.#emit(
          node,
          node.inputs.map((value) => this.#part({ ...part, value })),
        );
    }
  }

  #emit(
    node: Node,
    inputs: readonly (Value | undefined)[],
    attributes: Record<string, number | readonly number[]> = {},
  ) {
    const known = inputs.filter((input) => input !== undefined);
    return known.length === inputs.length ? this.#build.op(node.opType, known, attributes) : undefined;
  }

  /** Grids, anchors and factors: of a constant the chosen entries; anything else only as it is. */
  #other({ value, rank, axis, size, picks }: Part): Value | undefined {
    const isAll = picks.length === size;
    const constant = constantTensor(this.#index, value);
    if (constant === undefined) return isAll ? value : undefined;
    const own = axis - rank + constant.dims.length;
    const entries = own < 0 ? 1 : constant.dims[own]!;
    if (isAll || entries === 1) return value;
    if (entries !== size) return undefined;
    return this.#build.op("Gather", [value, this.#build.ints(picks)], { axis: own });
  }

  #concat(node: Node, part: Part): Value | undefined {
    const given = intAttribute(node, "axis", 0);
    const axis = given < 0 ? given + part.rank : given;
    if (axis !== part.axis)
      return this.#emit(
        node,
        node.inputs.map((value) => this.#part({ ...part, value })),
        { axis },
      );
    const sizes = node.inputs.map((value) => this.#sizeOf({ ...part, value }));
    const unknown = sizes.filter((size) => size === undefined).length;
    const rest = part.size - sizes.reduce((sum: number, size) => sum + (size ?? 0), 0);
    if (unknown > 1 || (unknown === 0 && rest !== 0) || rest < 0) return undefined;
    const parts: (Value | undefined)[] = [];
    let start = 0;
    for (const [i, value] of node.inputs.entries()) {
      const size = sizes[i] ?? rest;
      const picks = part.picks.filter((pick) => pick >= start && pick < start + size).map((pick) => pick - start);
      start += size;
      if (picks.length > 0) parts.push(this.#part({ ...part, value, size, picks }));
    }
    return parts.length === 1 ? parts[0] : this.#emit(node, parts, { axis });
  }

  #split(node: Node, part: Part): Value | undefined {
    const given = intAttribute(node, "axis", 0);
    const sizes = constantInts(this.#index, node.inputs[1] ?? "");
    const place = node.outputs.indexOf(part.value);
    if ((given < 0 ? given + part.rank : given) !== part.axis || sizes?.[place] !== part.size) return undefined;
    const sum = (list: readonly number[]): number => list.reduce((total, size) => total + size, 0);
    return this.#cut(part, node.inputs[0]!, sum(sizes), sum(sizes.slice(0, place)));
  }

  #slice(node: Node, part: Part): Value | undefined {
    const [starts, ends, axes, steps] = [1, 2, 3, 4].map((i) => constantInts(this.#index, node.inputs[i] ?? ""));
    if (starts?.length !== 1 || ends?.length !== 1 || axes?.length !== 1 || (node.inputs[4] && steps?.[0] !== 1)) {
      return undefined;
    }
    const axis = axes[0]! < 0 ? axes[0]! + part.rank : axes[0]!;
    const size = this.#sizeOf({ ...part, value: node.inputs[0]! });
    if (axis !== part.axis || size === undefined) return undefined;
    const [start, end] = [placeOf(starts[0]!, size), placeOf(ends[0]!, size)];
    return end - start === part.size ? this.#cut(part, node.inputs[0]!, size, start) : undefined;
  }

  /** Entries from `start` on of `value`. Of the head's columns all that are wanted are made once, and cut from there. */
  #cut(part: Part, value: Value, size: number, start: number): Value | undefined {
    const shifted = part.picks.map((pick) => pick + start);
    if (size !== this.#columns) return this.#part({ ...part, value, size, picks: shifted });
    const all = this.#part({ ...part, value, size, picks: this.#picks });
    const first = this.#picks.indexOf(shifted[0]!);
    const isRun = first >= 0 && shifted.every((pick, i) => this.#picks[first + i] === pick);
    if (all === undefined || !isRun || shifted.length === this.#picks.length) return isRun ? all : undefined;
    const { ints } = this.#build;
    const one = ints.bind(this.#build);
    return this.#build.op("Slice", [all, one([first]), one([first + shifted.length]), one([part.axis]), one([1])]);
  }

  /** Rows and anchors laid in one axis, or the channels of a map parted into anchors and columns. */
  #reshape(node: Node, part: Part): Value | undefined {
    const [value, target] = [node.inputs[0]!, node.inputs[1] ?? ""];
    const shape = shapeVector(this.#index, target);
    const { rank, axis, size, picks } = part;
    if (shape?.length !== rank || shape[axis] !== size || intAttribute(node, "allowzero", 0) !== 0) return undefined;
    const narrowed = this.#shapeWith(target, shape, axis, picks.length);
    if (axis === rank - 1) {
      const before = this.#rankOf(value);
      if (before === undefined) return undefined;
      return this.#emit(node, [this.#part({ value, rank: before, axis: before - 1, size, picks }), narrowed]);
    }
    const anchors = shape[1];
    if (axis !== 2 || typeof anchors !== "number" || anchors < 1) return undefined;
    const channels = Array.from({ length: anchors }, (_, a) => picks.map((pick) => a * size + pick)).flat();
    return this.#emit(node, [this.#part({ value, rank: 4, axis: 1, size: anchors * size, picks: channels }), narrowed]);
  }

  #shapeWith(target: Value, shape: readonly (number | null)[], axis: number, entries: number): Value {
    const build = this.#build;
    const changed = shape.map((size, i) => (i === axis ? entries : size));
    if (changed.every((size) => size !== null)) return build.ints(changed);
    const piece = (start: number, end: number): Value =>
      build.op("Slice", [target, build.ints([start]), build.ints([end]), build.ints([0]), build.ints([1])]);
    const before = axis > 0 ? [piece(0, axis)] : [];
    const after = axis < shape.length - 1 ? [piece(axis + 1, shape.length)] : [];
    return build.op("Concat", [...before, build.ints([entries]), ...after], { axis: 0 });
  }

  #conv(node: Node, { rank, axis, size, picks }: Part): Value | undefined {
    const found = pointwise(this.#index, node);
    if (found === undefined || rank !== 4 || axis !== 1 || found.weights.dims[0] !== size) return undefined;
    const inner = found.weights.dims[1]!;
    const weights = floatsOf(found.weights);
    const chosen = new Float32Array(picks.length * inner);
    picks.forEach((pick, i) => {
      chosen.set(weights.subarray(pick * inner, (pick + 1) * inner), i * inner);
    });
    const bias = found.bias === undefined ? [] : [this.#bias(floatsOf(found.bias), picks)];
    const inputs = [node.inputs[0]!, this.#build.floats([picks.length, inner, 1, 1], chosen), ...bias];
    return this.#build.op("Conv", inputs, {
      kernel_shape: [1, 1],
      strides: [1, 1],
      pads: [0, 0, 0, 0],
      dilations: [1, 1],
    });
  }

  #bias(bias: Float32Array, picks: readonly number[]): Value {
    return this.#build.floats(
      [picks.length],
      Float32Array.from(picks, (pick) => bias[pick]!),
    );
  }

  /** Entries along an axis, as far as the graph tells. */
  #sizeOf(part: Omit<Part, "size" | "picks">, depth = 12): number | undefined {
    const { value, rank, axis } = part;
    const node = this.#index.producer(value);
    if (node === undefined || depth === 0 || !this.#carriers.has(value)) return undefined;
    const through = (input: Value, along = axis): number | undefined =>
      this.#sizeOf({ value: input, rank, axis: along }, depth - 1);
    switch (node.opType) {
      case "Split":
        if (intAttribute(node, "axis", 0) !== axis && intAttribute(node, "axis", 0) + rank !== axis) return undefined;
        return constantInts(this.#index, node.inputs[1] ?? "")?.[node.outputs.indexOf(value)];
      case "Reshape":
        return shapeVector(this.#index, node.inputs[1] ?? "")?.[axis] ?? undefined;
      case "Transpose":
        return through(node.inputs[0]!, intsAttribute(node, "perm")?.[axis]);
      case "Slice": {
        const [starts, ends, axes] = [1, 2, 3].map((i) => constantInts(this.#index, node.inputs[i] ?? ""));
        const size = through(node.inputs[0]!);
        if (size === undefined || axes?.length !== 1 || starts === undefined || ends === undefined) return undefined;
        if (axes[0] !== axis && axes[0]! + rank !== axis) return size;
        return placeOf(ends[0]!, size) - placeOf(starts[0]!, size);
      }
      default: {
        const carrier = node.inputs.find((input) => this.#carriers.has(input));
        return ELEMENTWISE.has(node.opType) && carrier !== undefined ? through(carrier) : undefined;
      }
    }
  }

  #rankOf(value: Value, depth = 12): number | undefined {
    const node = this.#index.producer(value);
    if (node === undefined || depth === 0) return undefined;
    if (node.opType === "Conv") return 4;
    if (node.opType === "Transpose") return intsAttribute(node, "perm")?.length;
    if (node.opType === "Reshape") return shapeVector(this.#index, node.inputs[1] ?? "")?.length;
    const carrier = node.inputs.find((input) => this.#carriers.has(input));
    return carrier === undefined ? undefined : this.#rankOf(carrier, depth - 1);
  }
}

/** Where a Slice begins or ends along an axis of so many entries: from its end when negative, and never outside. */
function placeOf(at: number, size: number): number {
  return Math.min(Math.max(at < 0 ? at + size : at, 0), size);
}

/** Float32 weights `[M, C, 1, 1]` and bias of a convolution that looks at one cell at a time; undefined for any other. */
export function pointwise(
  index: GraphIndex,
  conv: Node,
): { readonly weights: TensorProto; readonly bias: TensorProto | undefined } | undefined {
  const weights = constantTensor(index, conv.inputs[1] ?? "");
  const biasName = conv.inputs[2] ?? "";
  const bias = biasName === "" ? undefined : constantTensor(index, biasName);
  const isFloat = (tensor: TensorProto | undefined): boolean => tensor?.dataType === DataType.FLOAT;
  if (weights === undefined || !isFloat(weights) || (biasName !== "" && !isFloat(bias))) return undefined;
  const isPlain =
    weights.dims.slice(2).join() === "1,1" &&
    intAttribute(conv, "group", 1) === 1 &&
    (intsAttribute(conv, "strides") ?? []).every((step) => step === 1) &&
    (intsAttribute(conv, "pads") ?? []).every((pad) => pad === 0) &&
    ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"].includes(stringAttribute(conv, "auto_pad", "NOTSET"));
  return isPlain ? { weights, bias } : undefined;
}
