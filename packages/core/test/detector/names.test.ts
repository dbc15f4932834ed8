import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolveClasses, resolveNames } from "../../src/detector/names.js";
import { parseNames } from "../../src/detector/python-names.js";
import { WhyboxError } from "../../src/errors.js";

describe("parseNames", () => {
  const good: readonly (readonly [string, readonly string[]])[] = [
    ["{0: 'person', 1: 'bicycle'}", ["person", "bicycle"]],
    ["{1: 'b', 0: 'a'}", ["a", "b"]],
    ["['a', \"it's\",]", ["a", "it's"]],
    ["('a', 'b')", ["a", "b"]],
    ['{"0": "a", "1": "b\\"c"}', ["a", 'b"c']],
    ['["a", "b"]', ["a", "b"]],
    [" { 0 : 'a' , } ", ["a"]],
    ["{}", []],
    [
      "{0: 'it\\'s', 1: 'back\\\\slash', 2: 'caf\\xe9', 3: 'caf\\u00e9', 4: '\\U0001f436'}",
      ["it's", "back\\slash", "café", "café", "🐶"],
    ],
    ["{0: 'a\\nb\\tc\\u001b[31m'}", ["a b c [31m"]],
    ["{0: 1, 1: True, 2: 'x, y: {z}'}", ["1", "True", "x, y: {z}"]],
    ["{0: '__proto__', 1: 'constructor'}", ["__proto__", "constructor"]],
  ];
  for (const [text, names] of good) it(`reads ${text}`, () => expect(parseNames(text)).toEqual(names));

  const bad: readonly (readonly [string, RegExp])[] = [
    ["", /character 0: found the end, expected a dict or a list/],
    ["person", /a dict or a list/],
    ["{0 'a'}", /":"/],
    ["{'x': 'a'}", /class index/],
    ["{-1: 'a'}", /class index/],
    ["{0: 'a', 0: 'b'}", /one name for class 0/],
    ["{0: 'a', 2: 'b'}", /none for class 1/],
    ["{0: 'a'", /"," or "}"/],
    ["{0: 'a' 1: 'b'}", /"," or "}"/],
    ["{0: 'a", /closing '/],
    ["{0: 'a\\", /an escape/],
    ["{0: '\\U00ffffff'}", /a character/],
    ["{0: }", /quoted name/],
    ["{0: 'a'} + x", /expected the end/],
    ["{0: __import__('os')}", /"," or "}"/],
    ["[[1]]", /quoted name/],
  ];
  for (const [text, says] of bad) {
    it(`refuses ${text}`, () => {
      expect(() => parseNames(text)).toThrow(says);
      expect(() => parseNames(text)).toThrow(expect.objectContaining({ code: "bad-input" }));
    });
  }

  it("is bounded", () => {
    const limit = expect.objectContaining({ code: "limit" });
    expect(() => parseNames(" ".repeat(4_000_001))).toThrow(limit);
    expect(() => parseNames(`[${"1,".repeat(100_001)}]`)).toThrow(limit);
  });

  it("reads back what JSON writes", () => {
    const text = fc.string({ unit: "grapheme" }).map((name) => name.replaceAll(/\p{Cc}/gu, ""));
    const property = fc.property(fc.array(text), (names) => {
      expect(parseNames(JSON.stringify(names))).toEqual(names);
    });
    fc.assert(property);
  });

  it("throws nothing but its own errors", () => {
    const piece = fc.constantFrom("{", "}", "[", "0", "1", ":", ",", "'", '"', "\\", "x", "u", "a", " ", "\\x4", "é");
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        try {
          parseNames(pieces.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(WhyboxError);
        }
      }),
    );
  });
});

describe("resolveNames", () => {
  const metadata = new Map([["names", "{0: 'cat', 1: 'dog'}"]]);

  it("prefers the names given, then the metadata, then numbers", () => {
    const found = (...given: Parameters<typeof resolveNames>) => {
      const { classNames, classNamesFrom } = resolveNames(...given);
      return [classNamesFrom, ...classNames];
    };
    expect(found(metadata, 2, { given: ["a", "b"] })).toEqual(["options", "a", "b"]);
    expect(found(metadata, 2)).toEqual(["metadata", "cat", "dog"]);
    expect(found(new Map(), 3)).toEqual(["numbers", "class0", "class1", "class2"]);
  });

  it("assumes COCO's names for 80 classes without names, and only for them", () => {
    const own = Array.from({ length: 80 }, (_, i) => `part ${i}`);
    const { classNames, classNamesFrom } = resolveNames(new Map(), 80);
    expect([classNamesFrom, classNames[0], classNames[79]]).toEqual(["coco", "person", "toothbrush"]);
    expect(resolveNames(new Map(), 80, { given: own })).toEqual({ classNames: own, classNamesFrom: "options" });
    const inFile = new Map([["names", JSON.stringify(own)]]);
    expect(resolveNames(inFile, 80)).toEqual({ classNames: own, classNamesFrom: "metadata" });
    for (const count of [79, 81, 92]) expect(resolveNames(new Map(), count).classNamesFrom).toBe("numbers");
  });

  it("assumes COCO's numbers for 90 and 91 classes", () => {
    const all = resolveNames(new Map(), 91).classNames;
    expect(new Set(all).size).toBe(91);
    expect([0, 1, 11, 12, 13, 18, 90].map((label) => all[label])).toEqual(
      ["background", "person", "fire hydrant", "street sign", "stop sign", "dog", "toothbrush"], //
    );
    expect(resolveNames(new Map(), 90).classNames).toEqual(all.slice(1));
    expect(resolveNames(new Map(), 90, { labelsFromOne: true }).classNames).toEqual(all.slice(1));
    expect(resolveNames(new Map(), 91, { labelsFromOne: true }).classNames[0]).toBe("class1");
    expect(resolveNames(new Map(), 91, { isCounted: false }).classNames[1]).toBe("class1");
  });

  it("leaves out the name of a background before the first label", () => {
    const given = ["background", "cat", "dog"];
    expect(resolveNames(new Map(), 2, { given, labelsFromOne: true }).classNames).toEqual(["cat", "dog"]);
    expect(() => resolveNames(new Map(), 2, { given })).toThrow(/gives 3 names/);
  });

  it("refuses another number of names than classes, naming both", () => {
    expect(() => resolveNames(metadata, 3)).toThrow(/3 class columns, and the model's metadata gives 2 names/);
    expect(() => resolveNames(metadata, 2, { given: ["a"] })).toThrow(
      /2 class columns, and the option names gives 1 name\./,
    );
    expect(() => resolveNames(metadata, 3)).toThrow(expect.objectContaining({ code: "bad-input" }));
  });
});

describe("resolveClasses", () => {
  const names = ["cat", "Dog", "dog", "2", "cat"];

  it.each([
    [["dog"], [2]],
    [
      ["Dog", "dog"],
      [1, 2],
    ],
    [["DOG"], [1, 2]],
    [["cat"], [0, 4]],
    [["1"], [1]],
    [["2"], [3]],
    [["dog", "dog"], [2]],
    [[], []],
  ])("%j is %j", (typed, indices) => {
    expect([...resolveClasses(typed, names)]).toEqual(indices);
  });

  it("refuses unknown classes with the nearest spelling", () => {
    expect(() => resolveClasses(["dgo"], names)).toThrow(/Unknown class "dgo"\. Did you mean "Dog"\? .*cat, Dog, dog/);
    expect(() => resolveClasses(["5"], names)).toThrow(expect.objectContaining({ code: "usage" }));
    expect(() => resolveClasses([""], names)).toThrow(/Unknown class ""/);
    const many = Array.from({ length: 200 }, (_, i) => `thing${i}`);
    expect(() => resolveClasses(["zebra"], many)).toThrow(/thing99, …/);
  });
});
