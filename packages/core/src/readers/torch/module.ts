import type { WhyboxError } from "../../errors.js";
import { broken, EXPORT_ADVICE, unsupported } from "./broken.js";
import { floatsOfTensor, TorchTensor } from "./tensor.js";
import { describeValue, type PickleValue, type PyGlobal, PyRecord } from "./values.js";

/** The dicts with a module's children and tensors. */
const PARTS = ["_modules", "_parameters", "_buffers"] as const;
/** Entries of one of them. */
const MAX_PARTS = 4096;

/** Whether a record is a torch.nn.Module: its attributes include the three dicts of a module. */
export function isModule(value: PickleValue | undefined): value is PyRecord {
  if (!(value instanceof PyRecord && value.state instanceof Map)) return false;
  const { state } = value;
  return PARTS.every((key) => {
    const dict = state.get(key);
    return dict instanceof Map && dict.size <= MAX_PARTS;
  });
}

/** A torch.nn.Module in a checkpoint: class, attributes, tensors, children. */
export class TorchModule {
  readonly record: PyRecord;
  /** "model.2.cv1", as in the names of a state_dict; "" for the whole network. */
  readonly path: string;

  /** @param record must be a module (`isModule`). */
  constructor(record: PyRecord, path: string) {
    this.record = record;
    this.path = path;
  }

  get type(): PyGlobal {
    return this.record.type;
  }

  /** For messages: `module "model.2.cv1" (models.common.Conv)`. */
  get label(): string {
    return `module "${this.path || "(the network)"}" (${this.type.path})`;
  }

  attribute(name: string): PickleValue | undefined {
    return (this.record.state as Map<PickleValue, PickleValue>).get(name);
  }

  /** An integer attribute. @throws bad-input */
  int(name: string): number {
    const value = this.attribute(name);
    if (typeof value === "number" && Number.isSafeInteger(value)) return value;
    throw this.odd(name, "a whole number");
  }

  /** An integer attribute from 1 to `most`. @throws bad-input */
  count(name: string, most: number): number {
    const value = this.int(name);
    if (value >= 1 && value <= most) return value;
    throw this.odd(name, `a whole number from 1 to ${most}`);
  }

  /** A number attribute. @throws bad-input */
  number(name: string): number {
    const value = this.attribute(name);
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw this.odd(name, "a number");
  }

  /** A boolean attribute, or `fallback` if it is missing. @throws bad-input */
  flag(name: string, fallback: boolean): boolean {
    const value = this.attribute(name) ?? fallback;
    if (typeof value === "boolean") return value;
    throw this.odd(name, "True or False");
  }

  /** A pair `[height, width]`; a single number means both. @throws bad-input */
  pair(name: string): [number, number] {
    const value = this.attribute(name);
    const [height, width] = Array.isArray(value) && value.length === 2 ? value : [value, value];
    if (isSize(height) && isSize(width)) return [height, width];
    throw this.odd(name, "one or two whole numbers");
  }

  /** A parameter or buffer. Undefined when it is None or missing. @throws bad-input when it is not a tensor. */
  tensorOrNone(name: string): TorchTensor | undefined {
    for (const dict of ["_parameters", "_buffers"]) {
      const value = this.#dict(dict).get(name) ?? null;
      if (value === null) continue;
      if (value instanceof TorchTensor) return value;
      throw this.odd(name, "a tensor", value);
    }
    return undefined;
  }

  /** A parameter or buffer. @throws bad-input */
  tensor(name: string): TorchTensor {
    const found = this.tensorOrNone(name);
    if (found === undefined) throw this.odd(name, "a tensor", null);
    return found;
  }

  /** A parameter or buffer as float32. @throws bad-input when it has another number of elements. */
  floats(name: string, count: number): Float32Array {
    const tensor = this.tensor(name);
    if (tensor.count !== count) throw this.odd(name, `a tensor of ${count} elements`, tensor);
    return floatsOfTensor(tensor);
  }

  childOrNone(name: string): TorchModule | undefined {
    const value = this.#dict("_modules").get(name) ?? null;
    if (value === null) return undefined;
    if (isModule(value)) return new TorchModule(value, this.#pathOf(name));
    throw this.odd(name, "a module", value);
  }

  /** @throws bad-input when it is missing. */
  child(name: string): TorchModule {
    const found = this.childOrNone(name);
    if (found === undefined) throw this.odd(name, "a module", null);
    return found;
  }

  /** The modules of a Sequential or ModuleList in order. @throws bad-input when they are not numbered 0, 1, … */
  items(): TorchModule[] {
    const keys = [...this.#dict("_modules").keys()];
    if (keys.some((key, i) => key !== String(i))) throw broken(`the modules in ${this.label} are not numbered`);
    return keys.map((key) => this.child(String(key)));
  }

  /** All children that are modules. */
  children(): TorchModule[] {
    return [...this.#dict("_modules")]
      .filter(([, value]) => isModule(value))
      .map(([name, value]) => new TorchModule(value as PyRecord, this.#pathOf(String(name))));
  }

  /** All parameters and buffers. */
  tensors(): TorchTensor[] {
    return ["_parameters", "_buffers"]
      .flatMap((name) => [...this.#dict(name).values()])
      .filter((value) => value instanceof TorchTensor);
  }

  /** @throws unsupported-model when there are children or tensors with other names: the module is then a different one. */
  expectOnly(...names: readonly string[]): void {
    for (const dict of PARTS) {
      const strange = [...this.#dict(dict)].find(
        ([key, value]) => value !== null && !(typeof key === "string" && names.includes(key)),
      );
      if (strange !== undefined) throw this.unknown(`it has a part ${describeValue(strange[0])} of its own`);
    }
  }

  /** The error for an unsupported module. */
  unknown(why: string): WhyboxError {
    return unsupported(`The PyTorch file has a ${this.label} that is not supported: ${why}.`, EXPORT_ADVICE, {
      module: this.path,
      class: this.type.path,
    });
  }

  /** The error for an invalid attribute. */
  odd(name: string, expected: string, found: PickleValue | undefined = this.attribute(name)): WhyboxError {
    return broken(`"${name}" of ${this.label} is ${describeValue(found)}, expected ${expected}`, { module: this.path });
  }

  #dict(name: string): Map<PickleValue, PickleValue> {
    return this.attribute(name) as Map<PickleValue, PickleValue>;
  }

  #pathOf(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }
}

/** Maximum of kernel sizes, strides and the like, so that arithmetic with them cannot overflow. */
export function isSize(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 16;
}
