import type { TorchStorage } from "./storage.js";
import type { TorchTensor } from "./tensor.js";

/** A class or function that a pickle names. It is only a name: it is never looked up or called. */
export class PyGlobal {
  readonly module: string;
  readonly name: string;

  constructor(module: string, name: string) {
    this.module = module;
    this.name = name;
  }

  /** "models.common.Conv". */
  get path(): string {
    return `${this.module}.${this.name}`;
  }
}

/** An object of an unknown class: the data that the pickle has for it. */
export class PyRecord {
  readonly type: PyGlobal;
  /** The arguments of its class. */
  readonly args: readonly PickleValue[];
  /** The argument of its `__setstate__`. For most classes the dict of its attributes. */
  state: PickleValue = null;
  /** Elements of a subclass of list. */
  readonly list: PickleValue[] = [];
  /** Entries of a subclass of dict. */
  readonly entries: Map<PickleValue, PickleValue> = new Map();

  constructor(type: PyGlobal, args: readonly PickleValue[]) {
    this.type = type;
    this.args = args;
  }
}

/** A pickled value as plain data. Tuples and lists are arrays, dicts are Maps (so that no key can reach a prototype). */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | PyGlobal
  | PyRecord
  | TorchTensor
  | TorchStorage;

/** A short description for messages: "a dict", "an object of models.common.Conv". */
export function describeValue(value: PickleValue | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "None";
  if (typeof value === "string") return `"${value.slice(0, 40)}"`;
  if (typeof value === "object") {
    if (value instanceof PyRecord) return `an object of ${value.type.path}`;
    if (value instanceof PyGlobal) return `the class ${value.path}`;
    if (value instanceof Map) return "a dict";
    if (value instanceof Set) return "a set";
    if (Array.isArray(value)) return `a list of ${value.length}`;
    if (value instanceof Uint8Array) return "bytes";
    return "dims" in value ? `a tensor [${value.dims.join(", ")}]` : "a storage";
  }
  return String(value);
}
