import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { cutText, foldText } from "../../src/cli/fold.js";
import { formatTable } from "../../src/cli/table.js";
import { paint, safeOutput } from "../../src/cli/terminal.js";
import { displayWidth, typedPath } from "../../src/cli/text.js";
import { count } from "../../src/words.js";

describe("the output of commands", () => {
  const written = (text: string) => {
    const texts: string[] = [];
    safeOutput({ write: (one) => texts.push(one) }).write(text);
    return texts.join("");
  };

  it("has lines and styles, and no other control characters", () => {
    expect(written(`${paint("red", "error:")} a\n`)).toBe("\u001b[31merror:\u001b[39m a\n");
    expect(written("a\u001b[2J\u001b]0;t\u0007\r\u009b1m\u202e\n")).toBe(
      "a\\x1b[2J\\x1b]0;t\\x07\\x0d\\x9b1m\\u202e\n",
    );
  });

  it("says whether it is a terminal", () => {
    expect([true, undefined].map((isTTY) => safeOutput({ write() {}, ...(isTTY && { isTTY }) }).isTTY)).toEqual([
      true,
      false,
    ]);
  });
});

describe("tables", () => {
  it("measures what is wide, and what has no width", () => {
    const texts = ["dog", "狗", "u\u0308", "🐶", "👩‍💻", "👍🏽", "❤️", "1️⃣", "🇩🇪", "각", "हि", "ｱ", "Ａ"];
    expect(texts.map(displayWidth)).toEqual([3, 2, 1, 2, 2, 2, 2, 2, 2, 2, 1, 1, 2]);
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
