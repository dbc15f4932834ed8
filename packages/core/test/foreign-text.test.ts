import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WhyboxError } from "../src/errors.js";
import { fileName, jsonText, printable, safeJson, shown } from "../src/foreign-text.js";

/** Everything that must not reach a terminal or a page as it is. */
const acting = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/u;

describe("printable", () => {
  it.each([
    ["plain ü 狗 C:\\new", "plain ü 狗 C:\\new"],
    ["\u001b[2J\u001b[31mred", "\\x1b[2J\\x1b[31mred"],
    ["\u001b]0;title\u0007x", "\\x1b]0;title\\x07x"],
    ["a\nb\rc\td", "a\\x0ab\\x0dc\\x09d"],
    ["\u009b31m\u007f\u0000", "\\x9b31m\\x7f\\x00"],
    ["a\u202egpj.exe\u2066", "a\\u202egpj.exe\\u2066"],
    ["zero\u200bwidth\u200d\ufeff", "zero\\u200bwidth\\u200d\\ufeff"],
    ["line\u2028and\u2029paragraph", "line\\u2028and\\u2029paragraph"],
    ["tag\u{e0041}", "tag\\u{e0041}"],
    ["\ud800 half", "\\ud800 half"],
    ["u\u0308", "u\u0308"],
    ["a\ufe0f", "a\\ufe0f"],
    ["👩‍💻 👍🏽 ❤️ 1️⃣ 🇩🇪", "👩‍💻 👍🏽 ❤️ 1️⃣ 🇩🇪"],
  ])("%j gives %s", (text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it("leaves nothing that acts, and changes nothing the second time", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        const once = printable(text);
        expect(once.replace(/\u200d/g, "")).not.toMatch(acting);
        expect(printable(once)).toBe(once);
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  it("gives two names that differ two texts, unless a name spells an escape", () => {
    const name = fc.string({
      unit: fc.constantFrom("a", "\u200b", "\u202e", "\u001b", "\ud800", "\n", "x"),
      maxLength: 4,
    });
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(printable(a) === printable(b)).toBe(a === b);
      }),
      { seed: 2, numRuns: 1000 },
    );
  });
});

describe("shown", () => {
  it.each([
    ["dog", 80, "dog"],
    ["x".repeat(81), 80, `${"x".repeat(80)}… [81 characters]`],
    ["🐶".repeat(5), 3, "🐶🐶🐶… [5 characters]"],
    ["👩‍💻👩‍💻", 4, "👩‍💻… [6 characters]"],
    ["🇩🇪🇫🇷", 3, "🇩🇪… [4 characters]"],
    ["e\u0301e\u0301", 3, "e\u0301… [4 characters]"],
    ["\u001b".repeat(4), 2, "\\x1b\\x1b… [4 characters]"],
    ["a".repeat(70_000), 5, "aaaaa… [70000 characters]"],
  ])("%.12j with at most %i is %.60s", (name, max, expected) => {
    expect(shown(name, max)).toBe(expected);
  });

  it("cuts a letter with endless accents", () => {
    const zalgo = `a${"\u0301".repeat(70_000)}`;
    expect(shown(zalgo).length).toBeLessThan(200);
  });
});

describe("JSON", () => {
  const value = { name: "\u001b[2J \u007f\u009b \u202e \u2028 \u200b \ud800 \u{e0041} 狗 👩‍💻", list: [1, null] };

  it("has escapes for the same characters, and the same value", () => {
    for (const text of [jsonText(value), jsonText(value, 2)]) {
      expect(text.replace(/[\n\u200d]/g, "")).not.toMatch(acting);
      expect(JSON.parse(text)).toEqual(value);
      expect(text).toContain("狗 👩‍💻");
    }
  });

  it("of another program becomes safe too", () => {
    const text = safeJson(`${JSON.stringify(value)}\n`);
    expect(text).toBe(`${jsonText(value)}\n`);
  });
});

describe("messages of errors", () => {
  it("are printable, and keep lines only about options", () => {
    expect(new WhyboxError("bad-input", "node \u001b[2J\nerror: fake").message).toBe("node \\x1b[2J\\x0aerror: fake");
    expect(new WhyboxError("usage", "one\u202e\ntwo").message).toBe("one\\u202e\ntwo");
  });

  it("keep their start and their end, however long a name is", () => {
    const { message } = new WhyboxError("bad-input", `Node "${"n".repeat(70_000)}" (Conv) has no input. Export again.`);
    expect(message).toMatch(/^Node "n{199}… \[70002 characters\] …n{99}" \(Conv\) has no input\. Export again\.$/);
    const words = new WhyboxError("bad-input", `Start ${"some words ".repeat(10_000)} end.`).message;
    expect(words.length).toBeLessThan(4000);
    expect(words).toMatch(/^Start some .* \[110011 characters\] .* end\.$/);
  });

  it("do not change when they are made from one another, as between threads", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 60 }), fc.nat(300), (text, times) => {
        const { message } = new WhyboxError("bad-input", text.repeat(times));
        expect(message.length).toBeLessThan(4000);
        expect(new WhyboxError("runtime", message).message).toBe(message);
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});

describe("fileName", () => {
  it.each([
    ["dog", "dog"],
    ["aux", "_aux"],
    ["Con.tar", "_Con.tar"],
    ["nul .x", "_nul .x"],
    ["COM¹", "_COM¹"],
    ["lpt0", "_lpt0"],
    ["conin$", "_conin$"],
    ["auxiliary", "auxiliary"],
    ["a:b", "a_b"],
    ['<>:"/\\|?*', "_________"],
    ["dots. .", "dots"],
    ["...", "_"],
    ["-rf", "_rf"],
    ["two\nlines\u2028and\u202e more", "two_lines_and_ more"],
    ["u\u0308", "\u00fc"],
    ["", "x"],
    [" ", "_"],
  ])("%j is %j", (name, expected) => {
    expect(fileName(name, { fallback: "x" })).toBe(expected);
  });

  it("is a name on every system, of any text, and of itself the same", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), fc.integer({ min: 8, max: 60 }), (name, maxBytes) => {
        const safe = fileName(name, { maxBytes, fallback: "x" });
        expect(new TextEncoder().encode(safe).length).toBeLessThanOrEqual(maxBytes);
        expect(safe).toMatch(/^[^<>:"/\\|?*\p{Cc}\s.-]([^<>:"/\\|?*\p{Cc}]*[^<>:"/\\|?*\p{Cc}\s.])?$/u);
        expect(fileName(safe, { maxBytes, fallback: "x" })).toBe(safe);
      }),
      { seed: 5, numRuns: 500 },
    );
    // A cut name may be that of a device.
    expect(fileName("con xyz", { maxBytes: 4, fallback: "x" })).toBe("_con");
  });
});
