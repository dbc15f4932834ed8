import { create, fromBinary, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { type ModelProto, ModelProtoSchema, type TensorProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { decodeModel } from "../../src/onnx/decode.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { type Attribute, DataType, type Model, type TensorProto } from "../../src/onnx/model.js";
import { floatsOf, intsOf } from "../../src/onnx/tensors.js";
import { MessageWriter } from "../../src/onnx/writer.js";
import { modelOf, wire } from "./support.js";

const name = fc.string({ unit: "grapheme", maxLength: 8 });
const someName = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 });
const int64 = fc.oneof(
  fc.integer().map(BigInt),
  fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n), -1n, 0n, 2n ** 52n, -(2n ** 40n)),
);
const float = fc.float({ noNaN: true, noDefaultInfinity: true });
const blob = fc.uint8Array({ maxLength: 9 });

const tensor = fc
  .record({ name: someName, dims: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }), docString: name })
  .map((fields) => {
    const size = fields.dims.reduce((a, b) => a * b, 1);
    const rawData = Uint8Array.from({ length: size * 4 }, (_, i) => (i * 37) % 251);
    return { ...fields, dims: fields.dims.map(BigInt), dataType: DataType.FLOAT, rawData };
  });

const attribute = fc
  .tuple(
    fc.oneof(
      fc.record({ type: fc.constant(1), f: float }),
      fc.record({ type: fc.constant(2), i: int64 }),
      fc.record({ type: fc.constant(3), s: blob }),
      fc.record({ type: fc.constant(4), t: tensor }),
      fc.record({ type: fc.constant(6), floats: fc.array(float, { maxLength: 4 }) }),
      fc.record({ type: fc.constant(7), ints: fc.array(int64, { maxLength: 4 }) }),
      fc.record({ type: fc.constant(8), strings: fc.array(blob, { maxLength: 3 }) }),
      fc.record({ type: fc.constant(9), tensors: fc.array(tensor, { maxLength: 2 }) }),
      fc.record({ type: fc.constant(1), refAttrName: someName }),
    ),
    name,
  )
  .map(([value, docString]) => ({ ...value, docString }));

const node = fc
  .record({
    opType: name,
    domain: fc.constantFrom("", "com.microsoft"),
    name,
    input: fc.array(name, { maxLength: 3 }),
    output: fc.array(name, { maxLength: 3 }),
    attributes: fc.array(attribute, { maxLength: 4 }),
    docString: name,
    overload: name,
  })
  .map(({ attributes, ...rest }) => ({ ...rest, attribute: attributes.map((a, i) => ({ ...a, name: `a${i}` })) }));

const dim = fc.oneof(
  fc.record({ value: fc.record({ case: fc.constant("dimValue" as const), value: fc.nat().map(BigInt) }) }),
  fc.record({ value: fc.record({ case: fc.constant("dimParam" as const), value: someName }) }),
  fc.constant({}),
);
const tensorType = fc
  .record({ elemType: fc.integer({ min: 1, max: 26 }), dims: fc.option(fc.array(dim, { maxLength: 4 })) })
  .map(({ elemType, dims }) => ({ elemType, ...(dims === null ? {} : { shape: { dim: dims } }) }));
const type = fc.oneof(
  tensorType.map((value) => ({ value: { case: "tensorType" as const, value } })),
  tensorType.map((value) => ({
    value: { case: "sequenceType" as const, value: { elemType: { value: { case: "tensorType" as const, value } } } },
  })),
);
const valueInfo = fc.oneof(fc.record({ name, type, docString: name }), fc.record({ name }));

const graph = fc
  .record({
    name,
    node: fc.array(node, { maxLength: 4 }),
    tensors: fc.array(tensor, { maxLength: 3 }),
    input: fc.array(valueInfo, { maxLength: 2 }),
    output: fc.array(valueInfo, { maxLength: 2 }),
    valueInfo: fc.array(valueInfo, { maxLength: 2 }),
    docString: name,
  })
  .map(({ tensors, ...rest }) => ({ ...rest, initializer: tensors.map((t, i) => ({ ...t, name: `${i}${t.name}` })) }));

/** Models as onnx-buf sees them. */
const protoModel = fc
  .record({
    graph,
    inner: graph,
    irVersion: fc.integer({ min: 1, max: 13 }),
    producerName: name,
    docString: name,
    key: name,
    value: name,
  })
  .map(({ graph: outer, inner, key, value, irVersion, ...rest }): ModelProto => {
    const branch = { name: "branch", type: 5, g: inner };
    return create(ModelProtoSchema, {
      ...rest,
      irVersion: BigInt(irVersion),
      modelVersion: 3n,
      domain: "org.example",
      opsetImport: [{ version: 13n }, { domain: "com.microsoft", version: 1n }],
      metadataProps: [{ key, value }],
      graph: { ...outer, node: [...outer.node, { opType: "If", attribute: [branch] }] },
    } as Parameters<typeof create<typeof ModelProtoSchema>>[1]);
  });

/** The JSON without empty strings: onnx-buf tells "" from a field that is not there, which means the same. */
function withoutEmpty(json: JsonValue): JsonValue {
  if (Array.isArray(json)) return json.map(withoutEmpty);
  if (json === null || typeof json !== "object") return json;
  const entries = Object.entries(json).filter(([, value]) => value !== "");
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutEmpty(value)]));
}

describe("the codec against onnx-buf", () => {
  it("writes back what it read, unknown fields included", () => {
    fc.assert(
      fc.property(protoModel, (model) => {
        const again = fromBinary(ModelProtoSchema, encodeModel(decodeModel(toBinary(ModelProtoSchema, model))));
        expect(withoutEmpty(toJson(ModelProtoSchema, again))).toEqual(withoutEmpty(toJson(ModelProtoSchema, model)));
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  it("reads what it wrote, to the same model", () => {
    fc.assert(
      fc.property(protoModel, (proto) => {
        const model = decodeModel(toBinary(ModelProtoSchema, proto));
        expect(decodeModel(encodeModel(model))).toEqual(model);
      }),
      { numRuns: 100, seed: 2 },
    );
  });

  const value = (n: number) => ({ dims: [2n], dataType: n });
  const typed: [string, Parameters<typeof create<typeof TensorProtoSchema>>[1], number[]][] = [
    ["float", { ...value(DataType.FLOAT), floatData: [1, -2] }, [0, 0, 128, 63, 0, 0, 0, 192]],
    [
      "double",
      { ...value(DataType.DOUBLE), doubleData: [1, -2] },
      [0, 0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 0, 0, 0, 0, 192],
    ],
    ["int32", { ...value(DataType.INT32), int32Data: [1, -2] }, [1, 0, 0, 0, 254, 255, 255, 255]],
    ["int8", { ...value(DataType.INT8), int32Data: [1, -2] }, [1, 254]],
    ["bool", { ...value(DataType.BOOL), int32Data: [1, 0] }, [1, 0]],
    ["float16", { ...value(DataType.FLOAT16), int32Data: [0x3c00, 0xc000] }, [0, 0x3c, 0, 0xc0]],
    [
      "int64",
      { ...value(DataType.INT64), int64Data: [1n, -2n] },
      [1, 0, 0, 0, 0, 0, 0, 0, 254, 255, 255, 255, 255, 255, 255, 255],
    ],
    [
      "uint64",
      { ...value(DataType.UINT64), uint64Data: [1n, 2n ** 64n - 1n] },
      [1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255],
    ],
    ["uint32", { ...value(DataType.UINT32), uint64Data: [1n, 2n ** 32n - 1n] }, [1, 0, 0, 0, 255, 255, 255, 255]],
    ["complex64", { dims: [1n], dataType: 14, floatData: [1, -2] }, [0, 0, 128, 63, 0, 0, 0, 192]],
    ["int4", { ...value(22), int32Data: [0x21] }, [0x21]],
  ];
  it.each(typed)("turns typed %s values into raw ones", (_, fields, bytes) => {
    const proto = create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ version: 13n }],
      graph: { initializer: [{ ...fields, name: "w" } as object] },
    });
    const model = decodeModel(toBinary(ModelProtoSchema, proto));
    expect([...model.graph.initializers.get("w")!.bytes]).toEqual(bytes);
    const again = fromBinary(ModelProtoSchema, encodeModel(model)).graph!.initializer[0]!;
    expect([...again.rawData]).toEqual(bytes);
  });
});

/** The one initializer of a file around these TensorProto fields. */
function tensorIn(fields: readonly number[]): TensorProto {
  const model = decodeModel(wire.file(wire.bytes(5, [...fields, ...wire.text(8, "w")])));
  return model.graph.initializers.get("w")!;
}

/** The one attribute of a file around these AttributeProto fields. */
function attributeIn(fields: readonly number[]): Attribute {
  const model = decodeModel(wire.file(wire.bytes(1, wire.bytes(5, [...wire.text(1, "a"), ...fields]))));
  return model.graph.nodes[0]!.attributes.get("a")!;
}

describe("decodeModel", () => {
  it("reads repeated fields packed and unpacked, mixed too", () => {
    const one = [0, 0, 128, 63];
    const unpacked = tensorIn([...wire.int(1, 2), ...wire.int(2, 1), 4 * 8 + 5, ...one, ...wire.bytes(4, one)]);
    expect([...floatsOf(unpacked)]).toEqual([1, 1]);
    const packed = tensorIn([
      ...wire.bytes(1, [1, 3]),
      ...wire.int(2, 7),
      ...wire.int(7, 300),
      ...wire.bytes(7, [5, 6]),
    ]);
    expect(packed.dims).toEqual([1, 3]);
    expect(intsOf(packed)).toEqual([300, 5, 6]);
    expect(attributeIn([7 * 8 + 5, ...one, ...wire.bytes(7, one), ...wire.int(20, 6)]).value).toEqual([1, 1]);
    expect(attributeIn([...wire.int(8, 1), ...wire.bytes(8, [2, 3]), ...wire.int(20, 7)]).value).toEqual([1, 2, 3]);
  });

  it("keeps raw data as a view into the file", () => {
    const file = encodeModel(modelOf(new GraphBuilder()));
    expect(decodeModel(file).graph.initializers.size).toBe(0);
    const b = new GraphBuilder();
    b.floats([2], [1, 2], "w");
    const bytes = encodeModel(modelOf(b));
    expect(decodeModel(bytes).graph.initializers.get("w")!.bytes.buffer).toBe(bytes.buffer);
  });

  it("gives plain views of a Buffer of Node, whose own slices are no copies", () => {
    const b = new GraphBuilder();
    b.floats([2], [1, 2], "w");
    const { bytes } = decodeModel(Buffer.from(encodeModel(modelOf(b)))).graph.initializers.get("w")!;
    expect(bytes.constructor).toBe(Uint8Array);
  });

  it("reads a file that lies inside a larger buffer", () => {
    const b = new GraphBuilder();
    b.node("Elu", ["x"], ["y"], { alpha: { float: 0.5 } });
    const file = encodeModel(modelOf(b));
    const larger = new Uint8Array(file.length + 20).fill(255);
    larger.set(file, 7);
    const model = decodeModel(larger.subarray(7, 7 + file.length));
    expect(model.graph.nodes[0]!.attributes.get("alpha")).toEqual({ type: "float", value: 0.5 });
  });

  it.each<[string, number[], Attribute]>([
    ["float", [2 * 8 + 5, 0, 0, 128, 63], { type: "float", value: 1 }],
    ["int", wire.int(3, 4), { type: "int", value: 4 }],
    ["string", wire.text(4, "a"), { type: "string", value: Uint8Array.of(97) }],
    [
      "tensor",
      wire.bytes(5, [...wire.int(1, 0), ...wire.int(2, 1)]),
      { type: "tensor", value: { name: "", dims: [0], dataType: 1, bytes: new Uint8Array(0) } },
    ],
    [
      "graph",
      wire.bytes(6, wire.text(2, "g")),
      {
        type: "graph",
        value: { name: "g", nodes: [], initializers: new Map(), inputs: [], outputs: [], valueInfo: [] },
      },
    ],
    ["floats", [7 * 8 + 5, 0, 0, 128, 63], { type: "floats", value: [1] }],
    ["strings", wire.text(9, "b"), { type: "strings", value: [Uint8Array.of(98)] }],
    ["nothing", [], { type: "ints", value: [] }],
  ])("tells the missing type of an attribute from its value: %s", (_, fields, expected) => {
    expect(attributeIn(fields)).toEqual(expected);
  });

  it("reads values that a writer left out as the default of their type", () => {
    expect(attributeIn(wire.int(20, 1)).value).toBe(0);
    expect(attributeIn(wire.int(20, 2)).value).toBe(0);
    expect(attributeIn(wire.int(20, 3)).value).toEqual(new Uint8Array(0));
    expect(attributeIn(wire.int(20, 6)).value).toEqual([]);
  });

  it('reads the domain "ai.onnx" as ""', () => {
    const graph = wire.bytes(1, [...wire.text(4, "Relu"), ...wire.text(7, "ai.onnx")]);
    const model = decodeModel(wire.file(graph, wire.bytes(8, [...wire.text(1, "ai.onnx"), ...wire.int(2, 13)])));
    expect(model.graph.nodes[0]!.domain).toBe("");
    expect(model.opsets).toEqual(new Map([["", 13]]));
  });

  it("reads a dimension of -1 or without a name as unknown", () => {
    const dims = [wire.bytes(1, [8, ...wire.minusOne]), wire.bytes(1, wire.text(2, "")), wire.bytes(1, [])].flat();
    const type = wire.bytes(1, [...wire.int(1, 1), ...wire.bytes(2, dims)]);
    const model = decodeModel(wire.file(wire.bytes(11, [...wire.text(1, "x"), ...wire.bytes(2, type)])));
    expect(model.graph.inputs).toEqual([{ name: "x", elemType: 1, shape: [null, null, null] }]);
  });

  it("keeps where external data lies, and writes it back", () => {
    const entry = (key: string, value: string) => wire.bytes(13, [...wire.text(1, key), ...wire.text(2, value)]);
    const fields = [
      ...wire.int(1, 5),
      ...wire.int(2, 1),
      ...entry("location", "w.bin"),
      ...entry("offset", "8"),
      ...wire.int(14, 1),
    ];
    const file = wire.file(wire.bytes(5, [...fields, ...wire.text(8, "w")]));
    const model = decodeModel(file);
    const expected = new Map([
      ["location", "w.bin"],
      ["offset", "8"],
    ]);
    expect(model.graph.initializers.get("w")!.external).toEqual(expected);
    expect(decodeModel(encodeModel(model))).toEqual(model);
  });

  it("keeps string tensors", () => {
    const found = tensorIn([...wire.int(1, 2), ...wire.int(2, 8), ...wire.text(6, "a"), ...wire.text(6, "")]);
    expect(found.strings).toEqual([Uint8Array.of(97), new Uint8Array(0)]);
  });

  it("keeps prototype names as names", () => {
    const b = new GraphBuilder();
    b.floats([1], [1], "__proto__");
    b.node("Identity", ["__proto__"], ["constructor"], {}, "toString");
    const model: Model = { ...modelOf(b), metadata: new Map([["__proto__", "x"]]) };
    expect(decodeModel(encodeModel(model))).toEqual(model);
  });
});

describe("encodeModel", () => {
  it("writes 64-bit attributes with every bit that a number has", () => {
    const b = new GraphBuilder();
    const values = [2 ** 63, -(2 ** 63), 2 ** 53, 2 ** 56, -(2 ** 53), -1, 127, 128, 2 ** 32];
    b.node("X", [], ["y"], { values });
    const bytes = encodeModel(modelOf(b));
    const ints = fromBinary(ModelProtoSchema, bytes).graph!.node[0]!.attribute[0]!.ints;
    expect(ints).toEqual([2n ** 63n - 1n, -(2n ** 63n), ...values.slice(2).map(BigInt)]);
    expect(decodeModel(bytes).graph.nodes[0]!.attributes.get("values")!.value).toEqual(values);
  });

  it("writes any string as UTF-8, a lone half of a surrogate pair as U+FFFD", () => {
    const texts = ["é", "ÿ", "€", "😀", "a😀b", "\ud83d", "\ude00x", "\ud83dx", "\ud83d\ud83d\ude00"];
    for (const metadata of texts.map((value) => new Map([["key", value]]))) {
      const { metadataProps } = fromBinary(ModelProtoSchema, encodeModel({ ...modelOf(new GraphBuilder()), metadata }));
      expect(metadataProps[0]!.value).toBe(new TextDecoder().decode(new TextEncoder().encode(metadata.get("key")!)));
    }
  });

  it("refuses a file past 2 GiB before it takes memory", () => {
    const writer = new MessageWriter();
    writer.computedBlob(9, 2 ** 31, () => expect.fail("the blob is read"));
    expect(() => writer.bytes()).toThrow(
      expect.objectContaining({ code: "limit", details: { size: 2 ** 31 + 6, max: 2 ** 31 - 1 } }),
    );
  });

  it("writes a tensor under the name that the graph knows it by", () => {
    const b = new GraphBuilder();
    b.initializers.set("key", { name: "other", dims: [0], dataType: 1, bytes: new Uint8Array(0) });
    expect([...decodeModel(encodeModel(modelOf(b))).graph.initializers.keys()]).toEqual(["key"]);
  });
});
