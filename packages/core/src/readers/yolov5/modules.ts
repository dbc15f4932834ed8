import type { GraphIndex } from "../../onnx/graph.js";
import type { Node } from "../../onnx/model.js";

/** The nodes of YOLOv5's modules in execution order, each with the name that the official export gives it. */
export interface ModuleNames {
  /** Node → "/model.2/cv1/conv/Conv", ... */
  readonly nodes: ReadonlyMap<Node, string>;
  /** Output value of each module, by its index. */
  readonly outputs: readonly string[];
}

/**
 * Recognises YOLOv5's modules (Conv, C3, SPPF, Upsample, Concat) by following the data from `input` through the graph.
 * Each module is the one reader of the module before it, but for readers that wait for a later value (Concat) and for the
 * prediction convolutions. Widths and depths are read from the graph, so every size of the network comes out.
 * @param stop prediction convolutions: the walk leaves them out.
 */
export function recogniseModules(index: GraphIndex, input: string, stop: ReadonlySet<Node>): ModuleNames {
  const walk = new Walk(index, stop);
  walk.known.add(input);
  let value: string | undefined = input;
  while (value !== undefined) {
    value = walk.next(value, `/model.${walk.outputs.length}`);
    if (value === undefined) break;
    walk.outputs.push(value);
    walk.known.add(value);
  }
  return { nodes: walk.names, outputs: walk.outputs };
}

/** A convolution with its SiLU. */
interface Block {
  readonly nodes: readonly [conv: Node, sigmoid: Node, mul: Node];
  readonly output: string;
}

class Walk {
  readonly names = new Map<Node, string>();
  readonly outputs: string[] = [];
  /** Outputs of finished modules. */
  readonly known = new Set<string>();
  readonly #index: GraphIndex;
  readonly #stop: ReadonlySet<Node>;

  constructor(index: GraphIndex, stop: ReadonlySet<Node>) {
    this.#index = index;
    this.#stop = stop;
  }

  /** Names the module that reads `value`; its output, or undefined when none of the known kinds is there. */
  next(value: string, path: string): string | undefined {
    return this.#joined(value, path) ?? this.#c3(value, path) ?? this.#sppf(value, path) ?? this.#conv(value, path);
  }

  /** Upsample or Concat. */
  #joined(value: string, path: string): string | undefined {
    const node = this.#readers(value).find(
      ({ opType, inputs }) =>
        opType === "Resize" || (opType === "Concat" && inputs.every((input) => this.known.has(input))),
    );
    if (node === undefined) return undefined;
    return this.#name(node, `${path}/${node.opType}`);
  }

  #conv(value: string, path: string): string | undefined {
    const blocks = this.#blocks(value);
    return blocks.length === 1 ? this.#block(blocks[0]!, path) : undefined;
  }

  /** cv3(concat(m(cv1(x)), cv2(x))): m is a chain of bottlenecks. */
  #c3(value: string, path: string): string | undefined {
    const blocks = this.#blocks(value);
    if (blocks.length !== 2) return undefined;
    const side = blocks.find((block) => this.#concatAfter(block.output, 1) !== undefined);
    const main = blocks.find((block) => block !== side);
    if (side === undefined || main === undefined) return undefined;
    const concat = this.#concatAfter(side.output, 1)!;
    const end = this.#blocks(concat.outputs[0]!);
    const bottlenecks = this.#bottlenecks(main.output, concat.inputs[0]!);
    if (end.length !== 1 || bottlenecks === undefined) return undefined;
    this.#block(main, `${path}/cv1`);
    this.#block(side, `${path}/cv2`);
    bottlenecks.forEach(({ first, second, add }, i) => {
      this.#block(first, `${path}/m/m.${i}/cv1`);
      this.#block(second, `${path}/m/m.${i}/cv2`);
      if (add !== undefined) this.#name(add, `${path}/m/m.${i}/Add`);
    });
    this.#name(concat, `${path}/Concat`);
    return this.#block(end[0]!, `${path}/cv3`);
  }

  #bottlenecks(from: string, to: string): Bottleneck[] | undefined {
    const chain: Bottleneck[] = [];
    for (let value = from; value !== to; value = chain.at(-1)!.output) {
      const first = this.#blocks(value)[0];
      const second = first === undefined ? undefined : this.#blocks(first.output)[0];
      if (first === undefined || second === undefined) return undefined;
      const add = this.#readers(second.output).find(({ opType, inputs }) => opType === "Add" && inputs.includes(value));
      chain.push({ first, second, add, output: add?.outputs[0] ?? second.output });
    }
    return chain;
  }

  /** cv2(concat(x, p(x), p(p(x)), p(p(p(x))))) with x = cv1(input) and a max pooling p. */
  #sppf(value: string, path: string): string | undefined {
    const blocks = this.#blocks(value);
    const first = blocks[0];
    if (blocks.length !== 1 || first === undefined) return undefined;
    const concat = this.#concatAfter(first.output, 0);
    const pools = (concat?.inputs ?? []).slice(1).map((input) => this.#index.producer(input));
    if (concat === undefined || pools.length === 0 || !pools.every((pool) => pool?.opType === "MaxPool"))
      return undefined;
    if (!pools.every((pool, i) => pool!.inputs[0] === concat.inputs[i])) return undefined;
    const end = this.#blocks(concat.outputs[0]!);
    if (end.length !== 1) return undefined;
    this.#block(first, `${path}/cv1`);
    pools.forEach((pool, i) => {
      this.#name(pool!, i === 0 ? `${path}/m/MaxPool` : `${path}/m_${i}/MaxPool`);
    });
    this.#name(concat, `${path}/Concat`);
    return this.#block(end[0]!, `${path}/cv2`);
  }

  #concatAfter(value: string, position: number): Node | undefined {
    return this.#readers(value).find(
      ({ opType, inputs }) => opType === "Concat" && inputs.length > 1 && inputs[position] === value,
    );
  }

  #blocks(value: string): Block[] {
    return this.#readers(value).flatMap((conv) => {
      if (conv.opType !== "Conv" || this.#stop.has(conv)) return [];
      const output = conv.outputs[0]!;
      const sigmoid = this.#readers(output).find(({ opType }) => opType === "Sigmoid");
      const mul = this.#readers(output).find(
        ({ opType, inputs }) => opType === "Mul" && sigmoid !== undefined && inputs.includes(sigmoid.outputs[0]!),
      );
      if (sigmoid === undefined || mul === undefined) return [];
      return [{ nodes: [conv, sigmoid, mul] as const, output: mul.outputs[0]! }];
    });
  }

  /** Readers of a value that have no name yet. */
  #readers(value: string): readonly Node[] {
    return this.#index.consumers(value).filter((node) => !this.names.has(node));
  }

  #block(block: Block, path: string): string {
    const [conv, sigmoid, mul] = block.nodes;
    this.#name(conv, `${path}/conv/Conv`);
    this.#name(sigmoid, `${path}/act/Sigmoid`);
    return this.#name(mul, `${path}/act/Mul`);
  }

  #name(node: Node, name: string): string {
    this.names.set(node, name);
    return node.outputs[0]!;
  }
}

interface Bottleneck {
  readonly first: Block;
  readonly second: Block;
  /** The shortcut; the neck's bottlenecks have none. */
  readonly add: Node | undefined;
  readonly output: string;
}
