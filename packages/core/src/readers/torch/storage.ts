import { unsupported } from "./broken.js";

export type TorchType =
  | "float64"
  | "float32"
  | "float16"
  | "bfloat16"
  | "int64"
  | "int32"
  | "int16"
  | "int8"
  | "uint8"
  | "bool";

interface Layout {
  readonly type: TorchType;
  /** Bytes of one element. */
  readonly width: number;
}

/** Name of the storage's class → layout of its elements. */
const LAYOUTS: ReadonlyMap<string, Layout> = new Map([
  ["DoubleStorage", { type: "float64", width: 8 }],
  ["FloatStorage", { type: "float32", width: 4 }],
  ["HalfStorage", { type: "float16", width: 2 }],
  ["BFloat16Storage", { type: "bfloat16", width: 2 }],
  ["LongStorage", { type: "int64", width: 8 }],
  ["IntStorage", { type: "int32", width: 4 }],
  ["ShortStorage", { type: "int16", width: 2 }],
  ["CharStorage", { type: "int8", width: 1 }],
  ["ByteStorage", { type: "uint8", width: 1 }],
  ["BoolStorage", { type: "bool", width: 1 }],
]);

/** The element layout of a storage class. @throws unsupported-model for other classes (complex, quantised). */
export function layoutOf(storageClass: string): Layout {
  const layout = LAYOUTS.get(storageClass);
  if (layout !== undefined) return layout;
  throw unsupported(
    `The PyTorch file has a storage of class "${storageClass.slice(0, 60)}"; supported: ${[...LAYOUTS.keys()].join(", ")}.`,
    "Save the model in one of these precisions, for example with model.float().",
    { storage: storageClass },
  );
}

/** A sequence of little-endian elements. Tensors are views of it. */
export class TorchStorage {
  readonly type: TorchType;
  readonly width: number;
  /** Elements. */
  readonly count: number;
  /** A view into the file. In the older format it is set after the pickle is read. */
  bytes: Uint8Array;

  constructor({ type, width }: Layout, count: number, bytes: Uint8Array = new Uint8Array(0)) {
    this.type = type;
    this.width = width;
    this.count = count;
    this.bytes = bytes;
  }
}
