import { describe, expect, it } from "vitest";
import { readArchive } from "../../../src/readers/torch/archive.js";
import { readLegacy } from "../../../src/readers/torch/legacy.js";
import { contiguousBytes, floatsOfTensor, type TorchTensor } from "../../../src/readers/torch/tensor.js";
import { errorOf } from "../../explain/error-of.js";
import { legacyCheckpoint, Storages, tensor, zipCheckpoint } from "./checkpoint-writer.js";
import * as py from "./pickle-writer.js";

/** The tensors of a file with this list of them. */
function tensors(storages: Storages, ...written: readonly py.PyValue[]): TorchTensor[] {
  return readArchive(zipCheckpoint(py.list(...written), storages)) as TorchTensor[];
}

function one(type: string, values: ArrayBufferView & { readonly length: number }): number[] {
  const storages = new Storages();
  return [...floatsOfTensor(tensors(storages, tensor(storages.add(type, values), [values.length]))[0]!)];
}

describe("element types", () => {
  it.each<[string, ArrayBufferView & { readonly length: number }, readonly number[]]>([
    ["DoubleStorage", Float64Array.of(0.1, -2), [Math.fround(0.1), -2]],
    ["FloatStorage", Float32Array.of(0.1, -2), [Math.fround(0.1), -2]],
    ["LongStorage", BigInt64Array.of(5n, -6n), [5, -6]],
    ["IntStorage", Int32Array.of(5, -6), [5, -6]],
    ["ShortStorage", Int16Array.of(5, -6), [5, -6]],
    ["CharStorage", Int8Array.of(5, -6), [5, -6]],
    ["ByteStorage", Uint8Array.of(5, 250), [5, 250]],
    ["BoolStorage", Uint8Array.of(0, 1), [0, 1]],
    [
      "HalfStorage",
      Uint16Array.of(0x3c00, 0xc100, 0x7bff, 0x0001, 0x8000, 0x03ff, 0x0400, 0x7c00, 0xfc00, 0x2e66),
      [1, -2.5, 65504, 2 ** -24, -0, 1023 * 2 ** -24, 2 ** -14, Infinity, -Infinity, 0.0999755859375],
    ],
    ["BFloat16Storage", Uint16Array.of(0x3f80, 0xc020, 0x7f80, 0x0001), [1, -2.5, Infinity, 2 ** -133]],
  ])("%s", (type, values, expected) => {
    expect(one(type, values)).toEqual(expected);
  });

  it("half precision NaN stays NaN", () => {
    expect(one("HalfStorage", Uint16Array.of(0x7e00, 0xfc01))).toEqual([NaN, NaN]);
  });

  it("others are refused by name", () => {
    const error = errorOf(() => one("ComplexFloatStorage", Float32Array.of(1)));
    expect(error.code).toBe("unsupported-model");
    expect(error.message).toMatch(/"ComplexFloatStorage"; supported: DoubleStorage, FloatStorage/);
  });
});

describe("views", () => {
  const storages = new Storages();
  const storage = storages.add(
    "FloatStorage",
    Float32Array.from({ length: 24 }, (_, i) => i),
  );
  const view = (...args: [readonly number[], (readonly number[])?, number?]) =>
    [...floatsOfTensor(tensors(storages, tensor(storage, ...args))[0]!)] as number[];

  it("shares storages and copies nothing where elements lie in order", () => {
    const file = zipCheckpoint(py.list(tensor(storage, [2, 3]), tensor(storage, [1, 4], [99, 1], 6)), storages);
    const [a, b] = readArchive(file) as TorchTensor[];
    const [first, second] = [floatsOfTensor(a!), floatsOfTensor(b!)];
    expect([...first, ...second]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const values of [first, second]) expect(values.buffer).toBe(file.buffer);
    expect(contiguousBytes(a!).byteOffset % 64).toBe(0);
  });

  it("makes transposed, stepped and repeated views contiguous", () => {
    expect(view([2, 3], [1, 2])).toEqual([0, 2, 4, 1, 3, 5]);
    expect(view([2, 2, 2], [12, 1, 6], 1)).toEqual([1, 7, 2, 8, 13, 19, 14, 20]);
    expect(view([3], [8], 7)).toEqual([7, 15, 23]);
    expect(view([2, 2], [0, 1], 22)).toEqual([22, 23, 22, 23]);
    expect(view([], [], 5)).toEqual([5]);
    expect(view([0, 5], [5, 1], 24)).toEqual([]);
  });

  it("reads from any place of a buffer, aligned or not", () => {
    const file = zipCheckpoint(py.list(tensor(storage, [3], [1], 2)), storages);
    const shifted = new Uint8Array(file.length + 1).subarray(1);
    shifted.set(file);
    expect([...floatsOfTensor((readArchive(shifted) as TorchTensor[])[0]!)]).toEqual([2, 3, 4]);
  });

  it.each<[string, readonly number[], readonly number[] | undefined, number, string]>([
    ["past the end", [25], undefined, 0, "bad-input"],
    ["a stride past the end", [2], [24], 0, "bad-input"],
    ["an offset past the end", [1], undefined, 24, "bad-input"],
    ["nothing behind the end", [0], undefined, 25, "bad-input"],
    ["2^52 elements", [2 ** 26, 2 ** 26], undefined, 0, "bad-input"],
    ["fewer strides than sizes", [2, 2], [1], 0, "bad-input"],
    ["one element a billion times", [2 ** 15, 2 ** 15], [0, 0], 0, "limit"],
  ])("refuses %s", (_, dims, strides, offset, code) => {
    expect(errorOf(() => view(dims, strides, offset)).code).toBe(code);
  });
});

describe("storages", () => {
  const storages = new Storages();
  const storage = storages.add("FloatStorage", Float32Array.of(1, 2));
  const root = py.list(tensor(storage, [2]));
  const file = (list: py.PyValue) => zipCheckpoint(list, storages);
  const id = (...parts: readonly py.PyValue[]) => file(py.list(py.persistent(...parts)));
  const floats = py.global("torch", "FloatStorage");

  it("may be shorter than their file, never longer", () => {
    const short = id(py.text("storage"), floats, py.text("0"), py.text("cpu"), py.number(1));
    expect(readArchive(short)).toMatchObject([{ count: 1, type: "float32" }]);
    const long = id(py.text("storage"), floats, py.text("0"), py.text("cpu"), py.number(3));
    expect(errorOf(() => readArchive(long)).message).toMatch(/"0" has 8 bytes for 3 elements of float32/);
  });

  it.each<[string, readonly py.PyValue[], RegExp]>([
    [
      "of no file",
      [py.text("storage"), floats, py.text("7"), py.text("cpu"), py.number(1)],
      /"7" is not in the archive/,
    ],
    [
      "with a path for a key",
      [py.text("storage"), floats, py.text("../data.pkl"), py.text("cpu"), py.number(1)],
      /not in the archive/,
    ],
    [
      "with a long key",
      [py.text("storage"), floats, py.text("7".repeat(99)), py.text("cpu"), py.number(1)],
      /expected a storage/,
    ],
    [
      "with 2^63 elements",
      [py.text("storage"), floats, py.text("0"), py.text("cpu"), py.number(2n ** 63n)],
      /9223372036854775808 stands/,
    ],
    ["of another kind", [py.text("module"), floats], /expected a storage/],
  ])("are refused: %s", (_, parts, message) => {
    const error = errorOf(() => readArchive(id(...parts)));
    expect(error.code).toBe("bad-input");
    expect(error.message).toMatch(message);
  });

  it("of the older format come after the pickles", () => {
    const bytes = legacyCheckpoint(root, storages);
    expect([...floatsOfTensor((readLegacy(bytes) as TorchTensor[])[0]!)]).toEqual([1, 2]);
    for (let length = 0; length < bytes.length; length++) {
      expect(errorOf(() => readLegacy(bytes.subarray(0, length))).code).toBe("bad-input");
    }
  });

  it("of the older format may be parts of others, and come with classes", () => {
    const partOf = (offset: number, size: number) =>
      py.persistent(
        ...[py.text("storage"), floats, py.text("0"), py.text("cpu"), py.number(2)],
        py.tuple(py.text("0.1"), py.number(offset), py.number(size)),
      );
    const type = py.persistent(
      py.text("module"),
      py.global("models.yolo", "Model"),
      py.text("yolo.py"),
      py.text("code"),
    );
    const values = readLegacy(legacyCheckpoint(py.list(tensor(partOf(1, 1), [1]), type), storages)) as TorchTensor[];
    expect([...floatsOfTensor(values[0]!)]).toEqual([2]);
    expect(values[1]).toMatchObject({ module: "models.yolo", name: "Model" });
    const past = legacyCheckpoint(py.list(tensor(partOf(1, 2), [2])), storages);
    expect(errorOf(() => readLegacy(past)).message).toMatch(/reaches to 3 of 2 elements/);
  });

  it("of the older format: what does not fit together is refused", () => {
    const head = (...values: readonly py.PyValue[]) => Buffer.concat(values.map((value) => py.pickle(value)));
    const magic = py.number(0x1950a86a20f9469cfc6cn);
    const ok = [magic, py.number(1001), py.dict({}), root] as const;
    const refused: readonly [Buffer, RegExp][] = [
      [head(py.number(1)), /does not begin with PyTorch's mark/],
      [head(py.persistent(py.none)), /head of the file refers to/],
      [head(magic, py.number(1002)), /version is 1002, expected 1001/],
      [head(...ok, py.none), /list of storages is None/],
      [head(...ok, py.list(py.text("9"))), /has "9", which is no storage/],
      [head(...ok, py.list()), /"0" is not in the list/],
      [
        Buffer.concat([head(...ok, py.list(py.text("0"))), Buffer.from([9, 0, 0, 0, 0, 0, 0, 0])]),
        /has 9 elements, expected 2/,
      ],
    ];
    for (const [bytes, message] of refused) expect(errorOf(() => readLegacy(bytes)).message).toMatch(message);
    const big = head(magic, py.number(1001), py.dict({ little_endian: py.bool(false) }));
    expect(errorOf(() => readLegacy(big)).message).toMatch(/big-endian/);
    const types = py.list(
      storage,
      py.persistent(
        ...[py.text("storage"), py.global("torch", "HalfStorage"), py.text("0"), py.text("cpu"), py.number(2)],
      ),
    );
    expect(errorOf(() => readLegacy(legacyCheckpoint(types, storages))).message).toMatch(/2 float32 and 2 float16/);
  });
});
