import type { GraphIndex } from "../onnx/graph.js";
import type { Node } from "../onnx/model.js";
import { type ConvBlock, readConvBlock } from "./conv-block.js";

/** YOLOv5's modules in execution order. */
export interface RecognisedModules {
  /** The nodes of all modules, with their names in the official export: "/model.2/cv1/conv/Conv", ... */
  readonly nodes: ReadonlyMap<Node, string>;
  /** Output value of each module, by its index. */
  readonly outputs: readonly string[];
}

/**
 * Recognises YOLOv5's modules (Focus, Conv, C3, SPP, SPPF, Upsample, Concat) by following the data from `image` through the graph. Every module
 * reads the one before it. Exceptions are Concat, which may wait for a later value, and the prediction convolutions. Any width and depth of the
 * network is recognised. The walk ends at the first unknown module. Other kinds of bottleneck inside a C3 get no names.
 * @param predictions outputs of the prediction convolutions, which the walk ignores.
 */
export function recogniseModules(
  index: GraphIndex,
  image: string,
  predictions: ReadonlySet<string>,
): RecognisedModules {
  const walk = new ModuleWalk(index, predictions);
  const outputs: string[] = [];
  let value: string | undefined = image;
  while (value !== undefined) {
    walk.known.add(value);
    value = walk.next(value, `/model.${outputs.length}`);
    if (value !== undefined) outputs.push(value);
  }
  return { nodes: walk.names, outputs };
}

class ModuleWalk {
  readonly names = new Map<Node, string>();
  /** Outputs of finished modules, and the image. */
  readonly known = new Set<string>();
  readonly #index: GraphIndex;
  readonly #predictions: ReadonlySet<string>;

  constructor(index: GraphIndex, predictions: ReadonlySet<string>) {
    this.#index = index;
    this.#predictions = predictions;
  }

  /** Names the module that reads `value` and returns its output; undefined for an unknown module. */
  next(value: string, path: string): string | undefined {
    const blocks = this.#blocks(value);
    if (blocks.length === 2) return this.#c3(blocks[0]!, blocks[1]!, path);
    const joined = this.#joined(value, path);
    if (joined !== undefined) return joined;
    return blocks.length === 1 ? this.#convOrPyramid(blocks[0]!, path) : this.#focus(value, path);
  }

  /** Names an Upsample, or a Concat of finished modules. */
  #joined(value: string, path: string): string | undefined {
    const readers = this.#readers(value);
    const resize = readers.find(({ opType }) => opType === "Resize" || opType === "Upsample");
    const isJoin = ({ opType, inputs }: Node) => opType === "Concat" && inputs.every((input) => this.known.has(input));
    const node = resize ?? readers.find(isJoin);
    return node === undefined ? undefined : this.#name(node, `${path}/${node.opType}`);
  }

  /** cv3(concat(m(cv1(x)), cv2(x))): m is a chain of bottlenecks. */
  #c3(a: ConvBlock, b: ConvBlock, path: string): string | undefined {
    for (const [main, side] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const concat of this.#concatsOf(side.output)) {
        const [end, ...more] = concat.inputs.filter((input) => input !== side.output);
        const isMain = end !== undefined && more.length === 0 && this.#index.ancestors([end]).has(main.output);
        const last = this.#blocks(concat.outputs[0]!);
        if (!isMain || last.length !== 1) continue;
        this.#nameBlock(main, `${path}/cv1`);
        this.#nameBlock(side, `${path}/cv2`);
        this.#nameBottlenecks(main.output, end, `${path}/m/m`);
        this.#name(concat, `${path}/Concat`);
        return this.#nameBlock(last[0]!, `${path}/cv3`);
      }
    }
    return undefined;
  }

  #nameBottlenecks(from: string, to: string, path: string): void {
    for (let i = 0, value = from; value !== to; i++) {
      const first = this.#blocks(value)[0];
      const second = first && this.#blocks(first.output)[0];
      if (first === undefined || second === undefined) return;
      this.#nameBlock(first, `${path}.${i}/cv1`);
      this.#nameBlock(second, `${path}.${i}/cv2`);
      const add = this.#readers(second.output).find(({ opType, inputs }) => opType === "Add" && inputs.includes(value));
      value = add === undefined ? second.output : this.#name(add, `${path}.${i}/Add`);
    }
  }

  /** A Conv module; or SPP and SPPF: cv2(concat(x, pooled x…)) with x = cv1(input). */
  #convOrPyramid(block: ConvBlock, path: string): string | undefined {
    const poolsOf = (concat: Node) =>
      concat.inputs.filter((input) => input !== block.output).map((input) => this.#index.producer(input));
    const concat = this.#concatsOf(block.output).find((node) =>
      poolsOf(node).every((pool) => pool?.opType === "MaxPool"),
    );
    if (concat === undefined) return this.#nameBlock(block, path);
    const last = this.#blocks(concat.outputs[0]!);
    if (last.length !== 1) return undefined;
    this.#nameBlock(block, `${path}/cv1`);
    // SPP applies several poolings in parallel. SPPF applies one pooling repeatedly.
    const isList = poolsOf(concat).every((pool) => pool!.inputs[0] === block.output);
    poolsOf(concat).forEach((pool, i) => {
      this.#name(pool!, isList ? `${path}/m.${i}/MaxPool` : `${numbered(`${path}/m`, i)}/MaxPool`);
    });
    this.#name(concat, `${path}/Concat`);
    return this.#nameBlock(last[0]!, `${path}/cv2`);
  }

  /** conv(concat(four slices of every second pixel)): the stem of v5.0. */
  #focus(value: string, path: string): string | undefined {
    const slicesOf = (from: string) => this.#readers(from).filter(({ opType }) => opType === "Slice");
    // Some exports slice rows and columns by separate Slice nodes.
    const slices = slicesOf(value).flatMap((slice) => [slice, ...slicesOf(slice.outputs[0]!)]);
    const values = new Set(slices.map(({ outputs }) => outputs[0]!));
    const concat = [...values]
      .flatMap((slice) => this.#concatsOf(slice))
      .find((node) => node.inputs.every((input) => values.has(input)));
    const blocks = concat === undefined ? [] : this.#blocks(concat.outputs[0]!);
    if (concat === undefined || blocks.length !== 1) return undefined;
    slices.forEach((slice, i) => {
      this.#name(slice, numbered(`${path}/Slice`, i));
    });
    this.#name(concat, `${path}/Concat`);
    return this.#nameBlock(blocks[0]!, `${path}/conv`);
  }

  /** The blocks whose convolution reads `value`. */
  #blocks(value: string): ConvBlock[] {
    return this.#readers(value)
      .filter(({ opType, outputs }) => opType === "Conv" && !this.#predictions.has(outputs[0]!))
      .map((conv) => readConvBlock(this.#index, conv));
  }

  #concatsOf(value: string): Node[] {
    return this.#readers(value).filter(({ opType }) => opType === "Concat");
  }

  /** Readers of a value that have no name yet. This makes every walk end, even in a graph with cycles. */
  #readers(value: string): readonly Node[] {
    return this.#index.consumers(value).filter((node) => !this.names.has(node));
  }

  #nameBlock({ conv, norm, activation, output }: ConvBlock, path: string): string {
    this.#name(conv, `${path}/conv/Conv`);
    if (norm !== undefined) this.#name(norm, `${path}/bn/${norm.opType}`);
    for (const node of activation) this.#name(node, `${path}/act/${node.opType}`);
    return output;
  }

  #name(node: Node, name: string): string {
    this.names.set(node, name);
    return node.outputs[0]!;
  }
}

/** "m", "m_1", "m_2", …: repeated names in the official export. */
function numbered(name: string, i: number): string {
  return i === 0 ? name : `${name}_${i}`;
}
