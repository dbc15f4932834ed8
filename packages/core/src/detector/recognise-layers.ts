import type { GraphIndex } from "../onnx/graph.js";
import type { Node } from "../onnx/model.js";
import type { DetectorHead } from "./head.js";
import type { Layer } from "./layer.js";

/**
 * YOLOv5's modules (Focus, Conv, C3, SPP, SPPF, Upsample, Concat) told from the structure of a graph whose names say
 * nothing. Every module reads the one before it, so the walk goes from module to module; depths and widths do not matter.
 * Empty unless the walk passes every head input and ends at one: half a list would number layers wrongly.
 */
export function recogniseLayers(index: GraphIndex, head: DetectorHead): Layer[] {
  const image = index.graph.inputs.find(
    ({ name, shape }) => shape?.length === 4 && !index.graph.initializers.has(name),
  );
  if (image === undefined) return [];
  const walk = new ModuleWalk(index, new Set(head.levels.map((level) => level.convOutput)));
  const values = walk.from(image.name);
  const inputs = head.levels.map((level) => level.input);
  const isWhole = inputs.every((input) => values.includes(input)) && inputs.includes(values.at(-1) ?? "");
  return isWhole ? values.map((value, i) => ({ index: i, name: `model.${i}`, value })) : [];
}

class ModuleWalk {
  readonly #index: GraphIndex;
  readonly #predictions: ReadonlySet<string>;
  readonly #finished = new Set<string>();

  constructor(index: GraphIndex, predictions: ReadonlySet<string>) {
    this.#index = index;
    this.#predictions = predictions;
  }

  /** Outputs of the modules behind `image`, in order. */
  from(image: string): string[] {
    const outputs: string[] = [];
    for (let value: string | undefined = this.#next(image); value !== undefined; value = this.#next(value)) {
      if (this.#finished.has(value)) break;
      this.#finished.add(value);
      outputs.push(value);
    }
    return outputs;
  }

  #next(value: string): string | undefined {
    const convs = this.#convs(value);
    if (convs.length === 2) return this.#c3(convs[0]!, convs[1]!);
    return this.#join(value) ?? (convs.length === 1 ? this.#convOrPyramid(convs[0]!) : this.#focus(value));
  }

  /** Upsample, or a Concat of finished modules. */
  #join(value: string): string | undefined {
    const readers = this.#index.consumers(value);
    const resize = readers.find(({ opType }) => opType === "Resize" || opType === "Upsample");
    const isJoin = (node: Node) => node.opType === "Concat" && node.inputs.every((input) => this.#finished.has(input));
    return (resize ?? readers.find((node) => isJoin(node)))?.outputs[0];
  }

  /** cv3(concat(m(cv1(x)), cv2(x))). */
  #c3(first: Node, second: Node): string | undefined {
    const [a, b] = [this.#block(first), this.#block(second)];
    for (const [main, side] of [
      [a, b],
      [b, a],
    ] as const) {
      const concat = this.#concatsOf(side).find((node) => {
        const rest = node.inputs.filter((input) => input !== side);
        return rest.length === 1 && this.#index.ancestors(rest).has(main);
      });
      if (concat !== undefined) return this.#blockBehind(concat);
    }
    return undefined;
  }

  /** A Conv module; or SPP and SPPF: cv2(concat(x, pooled x…)) with x = cv1(input). */
  #convOrPyramid(conv: Node): string | undefined {
    const output = this.#block(conv);
    const pyramid = this.#concatsOf(output).find((node) =>
      node.inputs.every((input) => input === output || this.#index.producer(input)?.opType === "MaxPool"),
    );
    return pyramid === undefined ? output : this.#blockBehind(pyramid);
  }

  /** conv(concat(every second pixel, four times)): the stem of v5.0. */
  #focus(value: string): string | undefined {
    const slices = new Set<string>();
    const visit = (from: string) => {
      for (const node of this.#index.consumers(from)) if (node.opType === "Slice") slices.add(node.outputs[0]!);
    };
    visit(value);
    // Each half of the slicing (rows, columns) is a Slice of its own in some exports.
    for (const slice of [...slices]) visit(slice);
    const concat = [...slices]
      .flatMap((slice) => this.#concatsOf(slice))
      .find((node) => node.inputs.every((input) => slices.has(input)));
    return concat === undefined ? undefined : this.#blockBehind(concat);
  }

  #convs(value: string): Node[] {
    return this.#index
      .consumers(value)
      .filter((node) => node.opType === "Conv" && !this.#predictions.has(node.outputs[0]!));
  }

  #concatsOf(value: string): Node[] {
    return this.#index.consumers(value).filter((node) => node.opType === "Concat");
  }

  #blockBehind(concat: Node): string | undefined {
    const convs = this.#convs(concat.outputs[0]!);
    return convs.length === 1 ? this.#block(convs[0]!) : undefined;
  }

  /** The output of a convolution with its normalisation and activation. */
  #block(conv: Node): string {
    let output = conv.outputs[0]!;
    const norm = this.#index.consumers(output).find(({ opType }) => opType === "BatchNormalization");
    if (norm !== undefined) output = norm.outputs[0]!;
    const readers = this.#index.consumers(output);
    const activation =
      readers.find((node) => node.opType === "Mul" && node.inputs.every((input) => this.#isGate(input, output))) ??
      readers.find((node) => ACTIVATIONS.has(node.opType));
    return activation?.outputs[0] ?? output;
  }

  /** True for x itself and for short functions of it alone: the second factor of x · sigmoid(x) and its kin. */
  #isGate(input: string, x: string): boolean {
    let value = input;
    for (let step = 0; step < 5; step++) {
      if (value === x) return true;
      const node = this.#index.producer(value);
      if (node === undefined || !GATES.has(node.opType)) return false;
      value = node.inputs[0]!;
    }
    return false;
  }
}

const ACTIVATIONS: ReadonlySet<string> = new Set(["Relu", "LeakyRelu", "HardSwish", "Mish", "Elu", "Swish"]);
const GATES: ReadonlySet<string> = new Set(["Sigmoid", "HardSigmoid", "Softplus", "Tanh", "Clip", "Add", "Div"]);
