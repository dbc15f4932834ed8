import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { formatTable } from "../../src/cli/table.js";
import { count, displayWidth, printable, typedPath } from "../../src/cli/text.js";

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
    expect(printable("a\nb\rc", true)).toBe("a\nb\\u000dc");
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
    expect([count(0, "picture"), count(1, "picture"), count(2, "box", "boxes")]).toEqual([
      "0 pictures",
      "1 picture",
      "2 boxes",
    ]);
  });
});

it.each([
  ["/home/ada/night", "night"],
  ["/home/ada", "."],
  ["/data/night", resolve("/data/night")],
])("types %s from /home/ada as %s", (path, expected) => {
  expect(typedPath(resolve(path), resolve("/home/ada"))).toBe(expected);
});
