import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WhyboxError } from "../../src/errors.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { type DecodeModelOptions, decodeModel } from "../../src/onnx/decode.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { readOnnx } from "../../src/readers/onnx/read-onnx.js";
import { badInput, sound } from "./sound-model.js";
import { modelOf, wire } from "./support.js";

const text = (value: string) => new TextEncoder().encode(value);

/** What the error of a broken file says. */
function failure(bytes: Uint8Array, options?: DecodeModelOptions): WhyboxError {
  try {
    readOnnx(bytes, options);
  } catch (error) {
    expect(error).toBeInstanceOf(WhyboxError);
    return error as WhyboxError;
  }
  throw new Error("nothing was thrown");
}

describe("files that are no ONNX files", () => {
  const foreign: [string, Uint8Array, RegExp][] = [
    ["an empty file", new Uint8Array(0), /it is empty/],
    [
      "a PNG",
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10),
      /it is a PNG image and starts with 89 50 4e 47 0d 0a \("\.PNG\.\."\)/,
    ],
    ["a .pt", Uint8Array.of(0x50, 0x4b, 3, 4), /PyTorch's \.pt files/],
    ["an old .pt", Uint8Array.of(0x80, 2, 0x8a, 10), /Python pickle/],
    ["JSON", text('{"format": "graph-model"}'), /JSON text/],
    ["HTML", text("<!DOCTYPE html>"), /HTML or XML/],
    ["prose", text("Just some words.\n"), /plain text/],
  ];
  it.each(foreign)("%s: says what it is", (_, bytes, message) => {
    expect(() => readOnnx(bytes)).toThrow(badInput(message));
    expect(() => readOnnx(bytes)).toThrow(/Give the detector as an \.onnx export or as its \.pt checkpoint\./);
  });

  it("shows the first bytes of anything else", () => {
    expect(() => readOnnx(Uint8Array.of(3, 1, 2))).toThrow(
      badInput(/byte 0 \(model, field 0\).*It starts with 03 01 02/),
    );
  });
});

describe("broken files", () => {
  const node = (...fields: number[][]) => wire.file(wire.bytes(1, fields.flat()));
  const tensor = (...fields: number[][]) => wire.file(wire.bytes(5, [...fields.flat(), ...wire.text(8, "w")]));
  const attribute = (...fields: number[][]) => node(wire.text(4, "X"), wire.bytes(5, fields.flat()));
  const named = (...fields: number[][]) => attribute(wire.text(1, "a"), ...fields);
  const dim = (bytes: number[]) => wire.bytes(2, wire.bytes(1, wire.bytes(2, wire.bytes(1, bytes))));
  const broken: [string, Uint8Array, RegExp][] = [
    [
      "a length past the end",
      Uint8Array.of(8, 8, 0x3a, 100, 1),
      /byte 2 \(model, field 7\): found a value of 100 bytes.* 1 left/,
    ],
    ["a length past its message", wire.file([0x0a, 50]), /model\.graph, field 1\): found a value of 50 bytes/],
    [
      "a length one past its message",
      wire.file([0x0a, 1]),
      /model\.graph, field 1\): found a value of 1 bytes.* 0 left/,
    ],
    [
      "a huge length",
      Uint8Array.of(8, 8, 0x3a, 255, 255, 255, 255, 255, 255, 255, 255, 127),
      /found a value of 9\d+ bytes/,
    ],
    ["a varint without end", Uint8Array.of(8, ...Array<number>(12).fill(255)), /more than 64 bits/],
    ["an 11-byte varint", Uint8Array.of(8, ...Array<number>(9).fill(255), 2), /more than 64 bits/],
    ["field number 0", Uint8Array.of(8, 8, 0, 1), /found field number 0/],
    ["a huge field number", Uint8Array.of(8, 8, 0x80, 0x80, 0x80, 0x80, 0x80, 1), /field number 4294967296/],
    ["a group", Uint8Array.of(8, 8, 0x3b), /found wire type 3/],
    ["wire type 7", Uint8Array.of(8, 8, 0x3f), /found wire type 7/],
    ["a number as graph", Uint8Array.of(8, 8, ...wire.int(7, 5)), /found wire type 0, expected wire type 2/],
    ["bytes as ir_version", Uint8Array.of(...wire.text(1, "a")), /expected wire type 0/],
    ["no ir_version", Uint8Array.of(...wire.bytes(7, [])), /ir_version 0/],
    ["no graph", Uint8Array.of(...wire.int(1, 8), ...wire.bytes(8, wire.int(2, 13))), /found no graph/],
    ["two graphs", wire.file([], wire.bytes(7, [])), /a second graph/],
    ["no opset", Uint8Array.of(...wire.int(1, 8), ...wire.bytes(7, [])), /no opset_import/],
    ["two opsets", wire.file([], wire.bytes(8, wire.int(2, 14))), /versions 13 and 14 of domain ""/],
    ["a negative dim", tensor([8, ...wire.minusOne], wire.int(2, 1)), /dimension -1 of tensor/],
    [
      "dims past all numbers",
      tensor(wire.bytes(1, [...wire.varint(2 ** 50), ...wire.varint(2 ** 50)]), wire.int(2, 1)),
      /as many values as the file holds/,
    ],
    [
      "dims past the bytes",
      tensor(wire.int(1, 1000), wire.int(2, 1), wire.bytes(9, [1, 2, 3, 4])),
      /with 4 bytes, expected 4000 bytes/,
    ],
    [
      "too many bytes",
      tensor(wire.int(2, 1), wire.bytes(9, Array<number>(8).fill(0))),
      /type float and dims \[\] with 8 bytes, expected 4/,
    ],
    [
      "too few strings",
      tensor(wire.int(1, 2), wire.int(2, 8), wire.text(6, "a")),
      /with 1 strings, expected 2 strings/,
    ],
    ["integers for a wide type", tensor(wire.int(2, 15), wire.int(7, 1)), /integer values for type data type 15/],
    ["floats that are not whole", tensor(wire.int(2, 1), wire.bytes(4, [1, 2, 3])), /a packed list of 3 bytes/],
    [
      "a packed value past its list",
      wire.file([...wire.bytes(5, [0x0a, 1, 0x80, 1])]),
      /packed list whose last value runs past/,
    ],
    ["an initializer without name", wire.file(wire.bytes(5, wire.int(1, 0))), /an initializer without a name/],
    [
      "an initializer twice",
      wire.file([
        ...wire.bytes(5, [...wire.int(1, 0), ...wire.text(8, "w")]),
        ...wire.bytes(5, [...wire.int(1, 0), ...wire.text(8, "w")]),
      ]),
      /a second initializer "w"/,
    ],
    [
      "a negative size of an input",
      wire.file(wire.bytes(11, dim([8, 254, ...wire.minusOne.slice(1)]))),
      /input\[0\]\.type\.tensor_type\.shape\.dim\[0\].*dimension -2/,
    ],
    ["a nameless attribute", attribute(wire.int(3, 1)), /an attribute without a name/],
    [
      "an attribute twice",
      node(
        wire.text(4, "X"),
        wire.bytes(5, [...wire.text(1, "a"), ...wire.int(3, 1)]),
        wire.bytes(5, [...wire.text(1, "a"), ...wire.int(3, 1)]),
      ),
      /a second attribute "a"/,
    ],
    [
      "more attributes than any operator",
      node(Array.from({ length: 1001 }, (_, i) => wire.bytes(5, [...wire.text(1, `a${i}`), ...wire.int(3, 1)])).flat()),
      /more than 1000 attributes/,
    ],
    ["a tensor attribute without tensor", named(wire.int(20, 4)), /attribute "a" without value, expected a tensor/],
    ["a graph attribute without graph", named(wire.int(20, 5)), /attribute "a" without value, expected a graph/],
    ["an attribute of a negative type", named([0xa0, 1, ...wire.minusOne]), /of type -1/],
  ];
  it.each(broken)("%s", (_, bytes, message) => {
    expect(() => readOnnx(bytes)).toThrow(badInput(message));
  });

  it("truncated anywhere", () => {
    const bytes = encodeModel(modelOf(sound(), 8));
    for (let length = 0; length < bytes.length; length++) {
      expect(failure(bytes.subarray(0, length)).code).toBe("bad-input");
    }
  });

  it("nested deeper than the limit", () => {
    let graph: number[] = [];
    for (let i = 0; i < 40; i++) {
      const branch = [...wire.text(1, "then_branch"), ...wire.bytes(6, graph), ...wire.int(20, 5)];
      graph = wire.bytes(1, [...wire.text(4, "If"), ...wire.bytes(5, branch)]);
    }
    const error = failure(wire.file(graph));
    expect([error.code, error.message]).toEqual(["limit", expect.stringContaining("nested more than 16 deep")]);
  });

  it("with more nodes or messages than the limit", () => {
    const file = wire.file(Array.from({ length: 50 }, () => wire.bytes(1, [])).flat());
    expect(failure(file, { maxNodes: 49 }).message).toMatch(/more than 49 nodes/);
    expect(failure(file, { maxMessages: 40 }).message).toMatch(/more than 40 messages/);
    expect(failure(file, { maxNodes: 49 }).code).toBe("limit");
    expect(failure(file, { maxMessages: 40 }).code).toBe("limit");
  });

  const twice = (part: number[]) => [...part, ...part];
  const many = (part: number[]) => Array.from({ length: 100 }, () => part).flat();
  const numbers = Array<number>(800).fill(1);
  it.each([
    ["fields that are not known", wire.file(many(wire.int(100, 1)))],
    ["texts", node(many(wire.text(1, "")))],
    ["bytes of an attribute", named(many(wire.text(9, "")))],
    ["numbers of an attribute", named(twice(wire.bytes(8, numbers)))],
    ["dims", tensor(twice(wire.bytes(1, numbers)))],
    ["values one by one", tensor(many(wire.int(7, 1)))],
    ["strings of a tensor", tensor(many(wire.text(6, "")))],
    ["values without a name", wire.file(many(wire.bytes(13, [])))],
  ])("with more %s than the limit", (_, file) => {
    const error = failure(file, { maxMessages: 90 });
    expect([error.code, error.message]).toEqual([
      "limit",
      expect.stringContaining("more than 90 messages, texts and lists"),
    ]);
  });
});

describe("random damage", () => {
  const expectTyped = (bytes: Uint8Array) => {
    try {
      encodeModel(readOnnx(bytes));
    } catch (error) {
      if (!(error instanceof WhyboxError)) throw error;
      expect(["bad-input", "unsupported-model", "limit"]).toContain(error.code);
    }
  };

  it.each([8, 12, 17, 21])("to a sound file of opset %i gives a typed error or a model", (opset) => {
    const file = encodeModel(modelOf(sound(opset), opset));
    const edit = fc.record({ at: fc.nat(file.length - 1), byte: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const damaged = file.slice();
        for (const { at, byte } of edits) damaged[at] = byte;
        expectTyped(damaged);
      }),
      { numRuns: 1000, seed: opset },
    );
  });

  it("by cutting and joining pieces gives a typed error or a model", () => {
    const file = encodeModel(modelOf(sound(), 8));
    const at = fc.nat(file.length);
    fc.assert(
      fc.property(at, at, at, (a, b, c) => {
        expectTyped(Uint8Array.of(...file.subarray(0, a), ...file.subarray(b), ...file.subarray(c)));
      }),
      { numRuns: 1000, seed: 5 },
    );
  });

  it("in bytes of no origin gives a typed error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => expectTyped(Uint8Array.of(8, 8, ...bytes))),
      { numRuns: 2000, seed: 6 },
    );
  });
});

describe("a chain of 100 000 nodes", () => {
  const LENGTH = 100_000;
  const chain = (order: (nodes: GraphBuilder["nodes"]) => void): Uint8Array => {
    const b = new GraphBuilder();
    let value = b.input("x", [1]);
    for (let i = 0; i < LENGTH; i++) value = b.op("ReduceSum", [value], { axes: [0], keepdims: 1 });
    b.output(value);
    order(b.nodes);
    return encodeModel(modelOf(b, 11));
  };

  it("is read and written", () => {
    const model = readOnnx(chain(() => undefined));
    expect(model.graph.nodes.length).toBe(LENGTH);
    expect(decodeModel(encodeModel(model)).graph.nodes.length).toBe(LENGTH);
  });

  it("is put in order when the file has it backwards", () => {
    const model = readOnnx(chain((nodes) => nodes.reverse()));
    expect(model.graph.nodes[0]!.inputs[0]).toBe("x");
  });
});
