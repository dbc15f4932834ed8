import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readZip } from "../../../src/readers/torch/zip.js";
import { errorOf } from "../../explain/error-of.js";
import { writeZip, type ZipOptions, type ZipPart } from "./zip-writer.js";

const bytes = (...values: readonly number[]) => Uint8Array.from(values);
const two: readonly ZipPart[] = [
  { name: "a/data.pkl", bytes: bytes(1, 2, 3) },
  { name: "a/data/0", bytes: bytes(4, 5, 6, 7) },
];
const withFirst = (change: Partial<ZipPart>): readonly ZipPart[] => [{ ...two[0]!, ...change }, two[1]!];

describe("archives that torch.save writes", () => {
  it.each<[string, readonly ZipPart[], ZipOptions]>([
    ["plain", two, {}],
    ["aligned", two, { align: true }],
    ["with a comment", two, { comment: bytes(80, 75, 5, 6, 9) }],
    ["Zip64", two.map((part) => ({ ...part, zip64: true })), { zip64: true }],
  ])("%s: every entry is a view", (_, parts, options) => {
    const archive = writeZip(parts, options);
    const files = readZip(archive);
    expect([...files.keys()]).toEqual(["a/data.pkl", "a/data/0"]);
    expect([...files.get("a/data/0")!]).toEqual([4, 5, 6, 7]);
    expect(files.get("a/data.pkl")!.buffer).toBe(archive.buffer);
    if (options.align) for (const file of files.values()) expect(file.byteOffset % 64).toBe(0);
  });

  it("reads what lies behind an offset of its buffer", () => {
    const archive = writeZip(two);
    const shifted = new Uint8Array(archive.length + 9).subarray(9);
    shifted.set(archive);
    expect([...readZip(shifted).get("a/data.pkl")!]).toEqual([1, 2, 3]);
  });

  it("takes a name like __proto__ as a name", () => {
    const files = readZip(writeZip([{ name: "__proto__", bytes: bytes(1) }]));
    expect([...files.keys()]).toEqual(["__proto__"]);
  });
});

describe("archives that are refused", () => {
  it.each<[string, readonly ZipPart[], ZipOptions, RegExp]>([
    ["a compressed entry", withFirst({ method: 8 }), {}, /"a\/data\.pkl" is compressed \(method 8\)/],
    ["an encrypted entry", withFirst({ flags: 1 }), {}, /"a\/data\.pkl" is encrypted/],
    ["two entries of one name", [two[0]!, two[0]!], {}, /two entries "a\/data\.pkl"/],
    [
      "overlapping entries",
      [two[0]!, { ...two[1]!, at: 0, localName: "a/data.pkl" }],
      {},
      /"a\/data\/0" overlaps the one before it at byte 0/,
    ],
    ["an entry within another", [{ ...two[0]!, size: 40 }, two[1]!], {}, /"a\/data\/0" overlaps the one before it/],
    ["a size past the end", withFirst({ size: 2 ** 30 }), {}, /1073741824 more are announced/],
    ["a size of 2^53 and more", withFirst({ size: 2 ** 62, zip64: true }), {}, /more are announced/],
    ["an offset past the end", withFirst({ at: 2 ** 31 }), {}, /2147483648 more are announced/],
    ["another name in place", withFirst({ localName: "b/data.pkl" }), {}, /no zip entry "a\/data\.pkl" at byte 0/],
    ["more entries than the directory has room for", two, { count: 999 }, /999 entries/],
    ["one entry more than there is", two, { count: 3 }, /entries/],
    ["2^62 entries", two, { count: 2 ** 62, zip64: true }, /4611686018427388000 entries/],
  ])("%s", (_, parts, options, message) => {
    const error = errorOf(() => readZip(writeZip(parts, options)));
    expect(error.code).toBe("bad-input");
    expect(error.message).toMatch(message);
  });

  it("an archive of several parts, and sizes that differ", () => {
    const parts = writeZip(two);
    parts[parts.length - 18] = 1;
    expect(errorOf(() => readZip(parts)).message).toMatch(/several parts/);
    const sizes = writeZip(two);
    const directory = 30 + 10 + 3 + (30 + 8 + 4);
    sizes[directory + 24] = 2;
    expect(errorOf(() => readZip(sizes)).message).toMatch(/has 3 bytes for 2/);
  });

  it("a damaged directory and a Zip64 locator to nowhere", () => {
    const damaged = writeZip(two);
    damaged[30 + 10 + 3 + (30 + 8 + 4)] = 0;
    expect(errorOf(() => readZip(damaged)).message).toMatch(/damaged at its byte 0/);
    const nowhere = writeZip(two, { zip64: true });
    nowhere[nowhere.length - 22 - 12] = 1;
    expect(errorOf(() => readZip(nowhere)).message).toMatch(/no Zip64 record/);
  });

  it.each([{}, { zip64: true }, { align: true }])("cut short at every byte (%o)", (options) => {
    const archive = writeZip(two, options);
    for (let length = 0; length < archive.length; length++) {
      expect(errorOf(() => readZip(archive.subarray(0, length))).code).toBe("bad-input");
    }
  });

  it("any bytes: an answer within the archive, or an error", () => {
    const archive = writeZip(two, { zip64: true });
    const change = fc.tuple(fc.nat(archive.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const broken = archive.slice();
        for (const [at, value] of changes) broken[at] = value;
        try {
          const total = [...readZip(broken).values()].reduce((sum, file) => sum + file.length, 0);
          expect(total).toBeLessThan(broken.length);
        } catch (error) {
          expect(error).toMatchObject({ name: "WhyboxError", code: "bad-input" });
        }
      }),
      { seed: 4, numRuns: 2000 },
    );
  });
});
