import type { AttributeLiteral } from "../../onnx/attributes.js";
import { broken } from "./broken.js";
import type { TorchModule } from "./module.js";
import type { Feature, NetworkWriter } from "./network-writer.js";

/** Maximum depth of nested modules. */
const MAX_DEPTH = 24;

/** Writes the nodes of one call of a module. */
export type ModuleBuilder = (call: ModuleCall) => Feature;

/** The builder of modules that have no other parts than `parts`. */
export function blockOf(parts: readonly string[], build: ModuleBuilder): ModuleBuilder {
  return (call) => {
    call.module.expectOnly(...parts);
    return build(call);
  };
}

/** The builder of modules that call their parts one after another. */
export function chainOf(...parts: readonly string[]): ModuleBuilder {
  return blockOf(parts, (call) => call.chain(call.x, ...parts));
}

/** One call of a module: the module, its inputs, and the writer for its nodes. */
export class ModuleCall {
  readonly module: TorchModule;
  readonly inputs: readonly Feature[];
  readonly writer: NetworkWriter;
  /** "/model.2/cv1". Node names start with it, as in the official export. */
  readonly scope: string;
  readonly #find: (module: TorchModule) => ModuleBuilder;

  constructor(
    module: TorchModule,
    inputs: readonly Feature[],
    scope: string,
    writer: NetworkWriter,
    find: (module: TorchModule) => ModuleBuilder,
  ) {
    this.module = module;
    this.inputs = inputs;
    this.scope = scope;
    this.writer = writer;
    this.#find = find;
  }

  run(): Feature {
    this.writer.countCall();
    if (this.scope.split("/").length > MAX_DEPTH) throw broken(`${this.module.label} lies more than ${MAX_DEPTH} deep`);
    return this.#find(this.module)(this);
  }

  /** The single input. @throws bad-input when there are more. */
  get x(): Feature {
    const [x, ...more] = this.inputs;
    if (x?.parts !== undefined) throw this.module.unknown("a module with several outputs feeds it");
    if (x !== undefined && more.length === 0) return x;
    throw broken(`${this.module.label} is given ${this.inputs.length} inputs, expected one`);
  }

  /** Calls the child `name`. */
  call(name: string, ...inputs: readonly Feature[]): Feature {
    return this.callAs(this.module.child(name), name, ...inputs);
  }

  /** Calls the children `names` one after another, each with the result of the one before. */
  chain(x: Feature, ...names: readonly string[]): Feature {
    return names.reduce((y, name) => this.call(name, y), x);
  }

  /** `features`, and after them the results of the children `names`, each called with the feature before it. */
  series(features: readonly Feature[], ...names: readonly string[]): Feature[] {
    const all = [...features];
    for (const name of names) all.push(this.call(name, all.at(-1)!));
    return all;
  }

  /** Calls a module inside this one. `name` is its part of the scope. */
  callAs(module: TorchModule, name: string, ...inputs: readonly Feature[]): Feature {
    return this.within(module, name, inputs).run();
  }

  /** The context of a module inside this one, to write nodes under its name. */
  within(module: TorchModule, name: string, inputs: readonly Feature[]): ModuleCall {
    return new ModuleCall(module, inputs, this.writer.numbered(`${this.scope}/${name}`), this.writer, this.#find);
  }

  /** Writes a node, named as the official export does: "/model.9/Concat", output "/model.9/Concat_output_0". */
  op(
    opType: string,
    inputs: readonly string[],
    channels: number,
    attributes: Readonly<Record<string, AttributeLiteral>> = {},
  ): Feature {
    this.writer.countCall();
    const name = this.writer.numbered(`${this.scope}/${opType}`);
    const value = `${name}_output_0`;
    this.writer.builder.node(opType, inputs, [value], attributes, name);
    return { value, channels };
  }

  /** Splits along an axis into parts of the given sizes. Tracks the channels for axis 1. */
  split(feature: Feature, sizes: readonly number[], axis = 1): Feature[] {
    this.writer.countCall();
    const { builder } = this.writer;
    const name = this.writer.numbered(`${this.scope}/Split`);
    const values = sizes.map((_, i) => `${name}_output_${i}`);
    builder.node("Split", [feature.value, builder.ints(sizes)], values, { axis }, name);
    return values.map((value, i) => ({ value, channels: axis === 1 ? sizes[i]! : feature.channels }));
  }

  /** Splits the channels into two halves. @throws bad-input for an odd number of channels. */
  halves(feature: Feature): [Feature, Feature] {
    const half = feature.channels / 2;
    if (!Number.isInteger(half)) throw broken(`${this.module.label} halves ${feature.channels} channels`);
    const [a, b] = this.split(feature, [half, half]);
    return [a!, b!];
  }

  /** Concatenates along the channels. */
  concat(features: readonly Feature[]): Feature {
    if (features.some(({ parts }) => parts !== undefined))
      throw this.module.unknown("a module with several outputs feeds it");
    const channels = features.reduce((sum, feature) => sum + feature.channels, 0);
    return this.op(
      "Concat",
      features.map(({ value }) => value),
      channels,
      { axis: 1 },
    );
  }

  /** @throws bad-input when the numbers of channels differ. */
  add(a: Feature, b: Feature): Feature {
    if (a.channels !== b.channels) {
      throw broken(`${this.module.label} adds ${a.channels} channels and ${b.channels} channels`);
    }
    return this.op("Add", [a.value, b.value], a.channels);
  }

  /** A large weight of this module, named as in `weight`, and computed on first use. `make` must not throw. */
  computedWeight(name: string, dims: readonly number[], make: () => Float32Array): string {
    return this.writer.computedFloats(`${this.module.path}.${name}`, dims, make);
  }

  /** A weight of this module, named as in a state_dict: "model.0.conv.weight". */
  weight(name: string, dims: readonly number[], make: () => Float32Array): string {
    return this.writer.floats(`${this.module.path}.${name}`, dims, make);
  }
}
