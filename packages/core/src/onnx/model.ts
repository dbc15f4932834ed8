/**
 * The in-memory form of an ONNX model (onnx.proto3), as plain data. ONNX terms keep their ONNX spelling (opset, initializer);
 * fields are camelCase.
 *
 * Values are named by strings, as in ONNX; "" stands for an omitted optional input or output.
 */

/** The members of TensorProto.DataType that the engine uses. Other numbers pass through unchanged. */
export const DataType = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  STRING: 8,
  BOOL: 9,
  FLOAT16: 10,
  DOUBLE: 11,
  UINT32: 12,
  UINT64: 13,
  BFLOAT16: 16,
} as const;

/** An unknown protobuf field: its bytes, including the tag, kept for writing. */
export type UnknownField = Uint8Array;

/** A constant tensor. `bytes` is little-endian raw data: a view into the model file if the file stores it that way. */
export interface TensorProto {
  readonly name: string;
  readonly dims: readonly number[];
  /** A TensorProto.DataType number. */
  readonly dataType: number;
  /** Raw little-endian values. Empty when `strings` or `external` is set. */
  readonly bytes: Uint8Array;
  /** Length of `bytes`, set when reading `bytes` computes them again. Use `byteLengthOf`. */
  readonly byteLength?: number;
  /** Values of a STRING tensor. */
  readonly strings?: readonly Uint8Array[];
  /** Key-value pairs of external data (location, offset, length): the values live in another file. */
  readonly external?: ReadonlyMap<string, string>;
  readonly unknown?: readonly UnknownField[];
}

/**
 * A node attribute. int64 values are numbers: values past 2^53 lose precision (INT64_MAX and INT64_MIN survive a
 * round trip, since writing clamps to the int64 range).
 */
export type Attribute = AttributeValue & { readonly unknown?: readonly UnknownField[] };

/** The type of an attribute, and its value. */
export type AttributeValue =
  | { readonly type: "float"; readonly value: number }
  | { readonly type: "int"; readonly value: number }
  | { readonly type: "string"; readonly value: Uint8Array }
  | { readonly type: "tensor"; readonly value: TensorProto }
  | { readonly type: "graph"; readonly value: Graph }
  | { readonly type: "floats"; readonly value: readonly number[] }
  | { readonly type: "ints"; readonly value: readonly number[] }
  | { readonly type: "strings"; readonly value: readonly Uint8Array[] }
  /** Anything else (tensors, graphs, sparse, type protos, references): the whole AttributeProto, unchanged. */
  | { readonly type: "opaque"; readonly value: Uint8Array };

export interface Node {
  readonly opType: string;
  /** "" is the ONNX domain (as is "ai.onnx", normalised to "" when decoded). */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly unknown?: readonly UnknownField[];
}

/** A dimension: a size, a symbolic name, or null when the file does not declare it. */
export type Dim = number | string | null;

export interface ValueInfo {
  readonly name: string;
  /** A TensorProto.DataType number; 0 when the file gives no tensor type. */
  readonly elemType: number;
  /** Undefined when the file gives no shape (unknown rank). */
  readonly shape: readonly Dim[] | undefined;
  readonly unknown?: readonly UnknownField[];
}

export interface Graph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, TensorProto>;
  /** Graph inputs. Old files (IR < 4) list initializers here too: `decodeModel` keeps them, `normalise` removes them. */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Types of inner values, if the file declares them. */
  readonly valueInfo: readonly ValueInfo[];
  readonly unknown?: readonly UnknownField[];
}

/** The precision of weights or of a computation. "int8" when quantised. */
export type Precision = "float32" | "float16" | "bfloat16" | "float64" | "int8";

export interface Model {
  readonly irVersion: number;
  /** Domain → opset version; "" is the ONNX domain. */
  readonly opsets: ReadonlyMap<string, number>;
  /** The ONNX opset that the file declares, if `normalise` changed it. Not written. */
  readonly fileOpset?: number;
  /** The type of most weights in the file, if its reader converted them. Not written. */
  readonly filePrecision?: Precision;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: Graph;
  readonly unknown?: readonly UnknownField[];
}
