import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { construct } from "../../../src/readers/torch/construct.js";
import { unpickle } from "../../../src/readers/torch/unpickle.js";
import { describeValue, type PickleValue, PyGlobal, PyRecord } from "../../../src/readers/torch/values.js";
import { errorOf } from "../../explain/error-of.js";
import * as py from "./pickle-writer.js";

const noStorage = (): never => {
  throw new Error("no storage here");
};
const load = (bytes: Uint8Array): PickleValue => unpickle(bytes, 0, noStorage).value;
const read = (value: py.PyValue): PickleValue => load(py.pickle(value));
const ops = (...bytes: readonly number[]): PickleValue => load(Uint8Array.of(0x80, 4, ...bytes, 0x2e));
const code = (text: string) => [...text].map((letter) => letter.charCodeAt(0));
/** 2^63 as a little-endian 64-bit number. */
const huge = [0, 0, 0, 0, 0, 0, 0, 0x80];

describe("values", () => {
  it.each<[string, py.PyValue, unknown]>([
    ["None", py.none, null],
    ["True", py.bool(true), true],
    ["False", py.bool(false), false],
    ["an int", py.number(-70000), -70000],
    ["a float", py.number(0.1), 0.1],
    ["a long", py.number(-5n), -5],
    ["a long past 2^53", py.number(2n ** 70n), 2n ** 70n],
    ["text", py.text("Schön 🐕"), "Schön 🐕"],
    ["a list", py.list(py.number(1), py.list()), [1, []]],
    ["a tuple", py.tuple(py.text("a"), py.none), ["a", null]],
    ["a dict", py.dict({ a: py.number(1) }), new Map([["a", 1]])],
    ["an OrderedDict", py.orderedDict({ a: py.number(1) }), new Map([["a", 1]])],
    ["a set", py.call(py.global("__builtin__", "set"), py.list(py.number(1))), [1]],
    [
      "a path",
      py.call(py.global("pathlib", "PosixPath"), py.text("/"), py.text("data"), py.text("x.yaml")),
      "/data/x.yaml",
    ],
    ["a size", py.call(py.global("torch", "Size"), py.tuple(py.number(2), py.number(3))), [2, 3]],
    ["a device", py.call(py.global("torch", "device"), py.text("cuda"), py.number(0)), "cuda:0"],
    [
      "bytes in protocol 2",
      py.call(py.global("_codecs", "encode"), py.text("aÿ"), py.text("latin1")),
      Uint8Array.of(97, 255),
    ],
  ])("%s", (_, written, expected) => {
    expect(read(written)).toEqual(expected);
  });

  it.each<[string, readonly number[], unknown]>([
    ["BININT1, BININT2", [0x4b, 7, 0x4d, 1, 1, 0x86], [7, 257]],
    ["LONG1 of no bytes, LONG4", [0x8a, 0, 0x8b, 2, 0, 0, 0, 0xff, 0xff, 0x86], [0, -1]],
    ["SHORT_BINUNICODE, BINUNICODE8", [0x8c, 1, 0x61, 0x8d, 1, 0, 0, 0, 0, 0, 0, 0, 0x62, 0x86], ["a", "b"]],
    ["strings of Python 2", [0x55, 1, 0xe9, 0x54, 1, 0, 0, 0, 0x80, 0x86], ["é", "\x80"]],
    ["SHORT_BINBYTES, BINBYTES", [0x43, 1, 9, 0x42, 1, 0, 0, 0, 8, 0x86], [Uint8Array.of(9), Uint8Array.of(8)]],
    [
      "BINBYTES8, BYTEARRAY8",
      [0x8e, 1, ...Array(7).fill(0), 5, 0x96, 0, ...Array(7).fill(0), 0x86],
      [Uint8Array.of(5), new Uint8Array()],
    ],
    [
      "EMPTY_SET, ADDITEMS, FROZENSET",
      [0x8f, 0x28, 0x4b, 1, 0x90, 0x28, 0x4b, 2, 0x91, 0x86],
      [new Set([1]), new Set([2])],
    ],
    ["TUPLE1, TUPLE2, TUPLE3", [0x4b, 1, 0x85, 0x4e, 0x4e, 0x86, 0x4e, 0x87], [[1], [null, null], null]],
    ["APPEND, SETITEM", [0x5d, 0x4b, 1, 0x61, 0x7d, 0x4b, 2, 0x4b, 3, 0x73, 0x86], [[1], new Map([[2, 3]])]],
    ["MEMOIZE, BINGET", [0x4b, 5, 0x94, 0x68, 0, 0x86], [5, 5]],
    ["BINPUT, LONG_BINPUT, LONG_BINGET", [0x4b, 5, 0x71, 9, 0x72, 0, 1, 0, 0, 0x6a, 0, 1, 0, 0, 0x86], [5, 5]],
    ["DUP, POP, POP_MARK", [0x4b, 1, 0x32, 0x4b, 2, 0x30, 0x28, 0x4e, 0x31, 0x86], [1, 1]],
    ["FRAME, PROTO", [0x95, 1, ...Array(7).fill(0), 0x80, 4, 0x4e], null],
    ["STACK_GLOBAL", [0x8c, 1, 0x61, 0x8c, 1, 0x62, 0x93], new PyGlobal("a", "b")],
    ["EMPTY_TUPLE", [0x29], []],
  ])("%s", (_, bytes, expected) => {
    expect(ops(...bytes)).toEqual(expected);
  });

  it("numpy scalars are numbers, those of other types records", () => {
    const typed =
      (kind: string, order?: string): py.PyValue =>
      (out) => {
        py.call(py.global("numpy", "dtype"), py.text(kind), py.bool(false), py.bool(true))(out);
        py.tuple(py.number(3), py.text(order ?? "<"))(out);
        out.push(0x62);
      };
    const scalar = (type: py.PyValue, bytes: ArrayBufferView) =>
      read(
        py.call(py.global("numpy.core.multiarray", "scalar"), type, (out) => {
          out.push(0x43, bytes.byteLength, ...new Uint8Array(bytes.buffer));
        }),
      );
    expect(scalar(typed("f8"), Float64Array.of(0.25))).toBe(0.25);
    expect(scalar(typed("f4"), Float32Array.of(0.5))).toBe(0.5);
    expect(scalar(typed("i8"), BigInt64Array.of(-3n))).toBe(-3);
    expect(scalar(typed("i4"), Int32Array.of(-4))).toBe(-4);
    expect(scalar(typed("b1"), Uint8Array.of(1))).toBe(true);
    for (const other of [typed("f8", ">"), typed("c8"), py.global("numpy", "float64")]) {
      expect(scalar(other, Float64Array.of(1))).toBeInstanceOf(PyRecord);
    }
    expect(scalar(typed("f8"), Float32Array.of(1))).toBeInstanceOf(PyRecord);
  });
});

describe("objects", () => {
  it("of unknown classes are records of what was said", () => {
    const value = read(py.object(py.global("models.common", "Conv"), py.dict({ f: py.number(-1) }))) as PyRecord;
    expect(value.type.path).toBe("models.common.Conv");
    expect(value.state).toEqual(new Map([["f", -1]]));
    expect(describeValue(value)).toBe("an object of models.common.Conv");
  });

  it("of subclasses of list and dict keep their elements, and keywords their place", () => {
    const made = [0x63, ...code("a\nB\n"), 0x29, 0x81];
    const value = ops(...made, 0x4b, 1, 0x61, 0x4b, 2, 0x4b, 3, 0x73) as PyRecord;
    expect([value.list, value.entries]).toEqual([[1], new Map([[2, 3]])]);
    const keyed = ops(0x63, ...code("a\nB\n"), 0x4b, 1, 0x85, 0x7d, 0x92) as PyRecord;
    expect(keyed.args).toEqual([1, new Map()]);
  });

  it.each([
    ["os", "system"],
    ["posix", "system"],
    ["builtins", "eval"],
    ["__builtin__", "exec"],
    ["builtins", "getattr"],
    ["subprocess", "Popen"],
    ["constructor", "constructor"],
    ["__proto__", "toString"],
  ])("a call of %s.%s is a record and nothing happens", (module, name) => {
    const value = read(py.call(py.global(module, name), py.text("touch /tmp/owned"))) as PyRecord;
    expect(value).toBeInstanceOf(PyRecord);
    expect(value.args).toEqual(["touch /tmp/owned"]);
  });

  it("keys like __proto__ reach no prototype", () => {
    const entries = [[py.text("__proto__"), py.dict({ polluted: py.bool(true) })]] as const;
    const value = read(py.dict(entries)) as Map<unknown, unknown>;
    expect(value.has("__proto__")).toBe(true);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe("pickles that are refused", () => {
  it.each<[string, readonly number[], RegExp]>([
    ["an empty file", [], /1 more are announced/],
    ["protocol 0", [0x28, 0x2e], /does not begin with its protocol/],
    ["protocol 6", [0x80, 6, 0x4e, 0x2e], /has protocol 6/],
    ["an opcode of protocol 0", [0x80, 2, 0x49, 0x31, 10, 0x2e], /opcode 0x49 at byte 2/],
    ["no STOP", [0x80, 2, 0x4e], /1 more are announced/],
    ["STOP with nothing there", [0x80, 2, 0x2e], /more values from its stack/],
    ["POP below a mark", [0x80, 2, 0x4e, 0x28, 0x30, 0x2e], /more values from its stack/],
    ["no mark", [0x80, 2, 0x4e, 0x65, 0x2e], /needs a mark/],
    ["no memo", [0x80, 2, 0x68, 7, 0x2e], /entry 7 of its memo/],
    ["append to a number", [0x80, 2, 0x4b, 1, 0x4b, 2, 0x61, 0x2e], /appends to 1/],
    ["add to a list", [0x80, 4, 0x5d, 0x28, 0x4e, 0x90, 0x2e], /adds set elements to a list/],
    ["dict entries of a list", [0x80, 2, 0x5d, 0x4e, 0x4e, 0x73, 0x2e], /dict entries of a list/],
    ["a key without a value", [0x80, 2, 0x7d, 0x28, 0x4e, 0x75, 0x2e], /key without a value/],
    ["a call of a number", [0x80, 2, 0x4b, 1, 0x29, 0x52, 0x2e], /calls 1, which is no class/],
    [
      "a call of a call",
      [0x80, 2, 0x63, ...code("a\nb\n"), 0x29, 0x52, 0x29, 0x52, 0x2e],
      /an object of a\.b, which is no class/,
    ],
    ["arguments that are none", [0x80, 2, 0x63, ...code("a\nb\n"), 0x4e, 0x52, 0x2e], /calls a\.b with None/],
    ["keywords that are none", [0x80, 4, 0x63, ...code("a\nb\n"), 0x29, 0x4e, 0x92, 0x2e], /keywords that are None/],
    ["attributes of a class", [0x80, 2, 0x63, ...code("a\nb\n"), 0x7d, 0x62, 0x2e], /attributes of the class a\.b/],
    ["attributes of text", [0x80, 2, 0x58, 1, 0, 0, 0, 0x61, 0x7d, 0x62, 0x2e], /attributes of "a"/],
    ["a class named by a number", [0x80, 4, 0x4b, 1, 0x4b, 2, 0x93, 0x2e], /names a class by 1 and 2/],
    ["a class without an end", [0x80, 2, 0x63, ...code("abc")], /more are announced/],
    ["a class with a long name", [0x80, 2, 0x63, ...Array(600).fill(0x61), 10, 10, 0x2e], /600 characters/],
    ["an integer of 2^32 bytes", [0x80, 2, 0x8b, 255, 255, 255, 255, 0x2e], /integer of 4294967295 bytes/],
    ["text of 2^32 bytes", [0x80, 2, 0x58, 255, 255, 255, 255, 0x2e], /4294967295 more/],
    ["text of 2^63 bytes", [0x80, 4, 0x8d, ...huge, 0x2e], /more are announced/],
    ["bytes of 2^63", [0x80, 4, 0x8e, ...huge, 0x2e], /more are announced/],
    ["a frame of 2^63 bytes", [0x80, 4, 0x95, ...huge, 0x2e], /frame of the pickle is longer/],
  ])("%s", (_, bytes, message) => {
    const error = errorOf(() => load(Uint8Array.from(bytes)));
    expect(error.code).toBe("bad-input");
    expect(error.message).toMatch(message);
  });

  it.each<[string, py.PyValue, RegExp]>([
    ["sizes", py.call(py.global("torch", "Size"), py.tuple(py.number(-1))), /-1 stands where a size/],
    ["fractions of sizes", py.call(py.global("torch", "Size"), py.tuple(py.number(0.5))), /0\.5 stands where a size/],
    ["no list of sizes", py.call(py.global("torch", "Size"), py.none), /None stands where a list of sizes/],
    [
      "too many sizes",
      py.call(py.global("torch", "Size"), py.tuple(...Array(17).fill(py.number(1)))),
      /a list of 17 stands/,
    ],
    ["no storage", py.call(py.global("torch._utils", "_rebuild_tensor_v2"), py.text("x")), /storage is "x"/],
    [
      "no parameter",
      py.call(py.global("torch._utils", "_rebuild_parameter"), py.none),
      /_rebuild_parameter was called with None/,
    ],
  ])("%s", (_, value, message) => {
    expect(errorOf(() => read(value)).message).toMatch(message);
  });

  it("more operations than any model needs", () => {
    const bytes = new Uint8Array(1_000_100).fill(0x5d);
    bytes.set([0x80, 2]);
    expect(errorOf(() => load(bytes))).toMatchObject({
      code: "limit",
      message: expect.stringMatching(/1000000 operations/),
    });
  });

  // A pickle can pass one list a million times: a call must not go through all of it.
  it.each([
    ["pathlib", "PosixPath"],
    ["torch", "device"],
    ["torch", "Size"],
    ["builtins", "set"],
    ["collections", "OrderedDict"],
    ["numpy.core.multiarray", "scalar"],
    ["os", "system"],
  ])("%s.%s called with a long list looks at its beginning only", (module, name) => {
    const elements = Array.from({ length: 100 }, (): PickleValue => "x");
    Object.defineProperty(elements, 99, {
      get: () => {
        throw new Error("the last element was looked at");
      },
    });
    try {
      construct(new PyGlobal(module, name), elements);
    } catch (error) {
      expect(error).toMatchObject({ name: "WhyboxError", code: "bad-input" });
    }
  });

  it("a call with keywords and a long list", () => {
    const args = py.tuple(...Array.from({ length: 65 }, () => py.none));
    const called: py.PyValue = (out) => {
      py.global("a", "B")(out);
      args(out);
      out.push(0x7d, 0x92);
    };
    expect(errorOf(() => read(called)).message).toMatch(/a\.B with 65 arguments and keywords/);
  });

  it("values nested a hundred thousand deep are read, since nothing recurses", () => {
    const bytes = Uint8Array.from([0x80, 2, 0x29, ...Array(100_000).fill(0x85), 0x2e]);
    expect(Array.isArray(load(bytes))).toBe(true);
  });

  it("a list that holds itself twice, sixty times over, takes no more room than it is written in", () => {
    const doubling = Array.from({ length: 60 }, () => [0x32, 0x86]).flat();
    expect(ops(0x5d, ...doubling)).toHaveLength(2);
  });

  it("any bytes give a value or an error of ours", () => {
    const opcode = fc.constantFrom(
      ...code("N\x88\x89KMJG]})\x8fct(012\x85\x86\x87\x91ae\x90suqhr\x94\x93R\x81\x92bQ\x95."),
    );
    const byte = fc.oneof(opcode, fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 60 }), (bytes) => {
        try {
          unpickle(Uint8Array.from([0x80, 4, ...bytes]), 0, () => null);
        } catch (error) {
          expect(error).toMatchObject({ name: "WhyboxError", code: "bad-input" });
        }
      }),
      { seed: 5, numRuns: 20_000 },
    );
  });
});
