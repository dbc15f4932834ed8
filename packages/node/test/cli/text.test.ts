import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { cutText, foldText } from "../../src/cli/fold.js";
import { formatTable } from "../../src/cli/table.js";
import { displayWidth, printable, typedPath } from "../../src/cli/text.js";
import { count } from "../../src/words.js";

describe("printable", () => {
  it.each([
    ["plain ü 狗", "plain ü 狗"],
    ["\u001b[2J\u001b[31mred", "red"],
    ["\u001b]0;title\u0007x", "x"],
    ["a\nb\rc\td", "a\\u000ab\\u000dc\\u0009d"],
    ["a\u202egpj.exe", "a\\u202egpj.exe"],
    ["\u009b31m", ""],
    ["\ud800", "\\ud800"],
    ["a\u0000\u007f\u0008", "a\\u0000\\u007f\\u0008"],
  ])("%j gives %j", (text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it("keeps lines on request", () => {
    expect(printable("a\nb\rc", { keepLines: true })).toBe("a\nb\\u000dc");
  });
});

describe("tables", () => {
  it("measures what is wide, and what has no width", () => {
    expect([displayWidth("dog"), displayWidth("狗"), displayWidth("u\u0308"), displayWidth("🐶")]).toEqual([
      3, 2, 1, 2,
    ]);
  });

  it("aligns columns and leaves nothing at the end", () => {
    const lines = formatTable(
      [{ title: "n", align: "right" }, { title: "class" }, { title: "x" }],
      [["1", "狗", ""], ["10", "cat", "y"], ["7"]],
    );
    expect(lines).toEqual([" n  class  x", " 1  狗", "10  cat    y", " 7"]);
  });

  it("counts", () => {
    expect([count(0, "image"), count(1, "image"), count(2, "box", "boxes")]).toEqual([
      "0 images",
      "1 image",
      "2 boxes",
    ]);
  });
});

describe("narrow text", () => {
  it.each([
    ["abcdef", 6, "start", "abcdef"],
    ["abcdefg", 6, "start", "abcde…"],
    ["abcdefg", 6, "end", "…cdefg"],
    ["狗狗狗狗", 6, "start", "狗狗…"],
    ["狗狗狗狗", 6, "end", "…狗狗"],
    ["🐶🐶🐶", 5, "start", "🐶🐶…"],
    ["x".repeat(1e6), 3, "end", "…xx"],
  ] as const)("%.9s in %i columns, its %s kept, is %s", (text, width, keep, expected) => {
    expect(cutText(text, width, keep)).toBe(expected);
  });

  it.each([
    ["one two three", 7, 3, ["one two", "three"]],
    ["one two three", 8, 3, ["one two", "three"]],
    ["one two three four", 7, 2, ["one two", "three…"]],
    ["abcdefghij k", 4, 9, ["abcd", "efgh", "ij k"]],
    ["🐶🐶🐶", 3, 9, ["🐶", "🐶", "🐶"]],
    ["", 5, 2, [""]],
  ] as const)("%s in %i columns and %i lines", (text, width, max, expected) => {
    expect(foldText(text, width, max)).toEqual(expected);
  });
});

it.each([
  ["/home/ada/night", "night"],
  ["/home/ada", "."],
  ["/data/night", resolve("/data/night")],
])("types %s from /home/ada as %s", (path, expected) => {
  expect(typedPath(resolve(path), resolve("/home/ada"))).toBe(expected);
});
