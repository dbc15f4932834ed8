import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFileNamer, partSuffixes, resultSuffixes, sheetSuffix, stemOf } from "../../src/images/output-names.js";

describe("stemOf", () => {
  it.each([
    ["/a/dog.jpg", "dog"],
    ["/a/dog.tar.gz", "dog.tar"],
    ["/a/noextension", "noextension"],
    ["/a/.hidden", "_hidden"],
    ["/a/..jpg", "_"],
    ["/a/-rf.png", "_rf"],
    ["/a/con.png", "_con"],
    ["/a/CON", "_CON"],
    ["/a/con.x.png", "_con.x"],
    ["/a/what?.png", "what_"],
    ["/a/two\nlines.png", "two_lines"],
    ["/a/dots. .png", "dots"],
    ["/a/ü e.png", "ü e"],
    ["/a/u\u0308.png", "\u00fc"],
  ])("%j gives %j", (location, stem) => {
    expect(stemOf(location)).toBe(stem);
  });

  it.each([
    ["https://example.org/a/dog.jpg?size=2", "dog"],
    ["https://example.org/a%2Fb/c%20d.jpg", "c d"],
    ["https://example.org/..%2F..%2Fetc%2Fpasswd.png", "__.._etc_passwd"],
    ["https://example.org/50%.jpg", "50%"],
    ["https://example.org/", "example.org"],
  ])("%j gives %j", (location, stem) => {
    expect(stemOf(location)).toBe(stem);
  });

  it("is short enough for every file system", () => {
    const stem = stemOf(`/a/${"ü".repeat(300)}.png`);
    expect(Buffer.byteLength(stem)).toBeLessThanOrEqual(180);
    expect(stem).toMatch(/^ü+$/);
  });

  it("never leaves the folder, whatever the name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (name) => {
        const stem = stemOf(`/a/${name}`);
        expect(stem).toMatch(/^[^/\\:\p{Cc}]+$/u);
        expect(stem.startsWith(".")).toBe(false);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

describe("createFileNamer", () => {
  it("numbers what would collide, ignoring case and composition", () => {
    const name = createFileNamer().stem;
    const stems = ["/a/x.jpg", "/b/x.png", "/b/X.png", "/c/x-2.png", "/c/u\u0308.png", "/c/\u00dc.png"].map((path) =>
      name(path),
    );
    expect(stems).toEqual(["x", "x-2", "X-3", "x-2-2", "\u00fc", "\u00dc-2"]);
  });

  it("passes over files that are there, whichever kind they are", () => {
    expect(createFileNamer({ taken: ["x.heatmap.npy"] }).stem("/a/x.png")).toBe("x-2");
    expect(createFileNamer({ taken: ["X.JSON", "x-2.png"] }).stem("/a/x.png")).toBe("x-3");
    expect(createFileNamer({ taken: ["x.txt"] }).stem("/a/x.png")).toBe("x");
  });

  it("never gives two sources one file, whatever their names", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[xX.\-2]{0,4}(\.heatmap)?\.(png|jpg)$/), { maxLength: 30 }), (names) => {
        const nameStem = createFileNamer({ taken: ["x.png"] }).stem;
        const files = names.flatMap((name) => {
          const stem = nameStem(`/a/${name}`);
          return Object.values(resultSuffixes).map((suffix) => (stem + suffix).toLowerCase());
        });
        expect(new Set([...files, "x.png"]).size).toBe(files.length + 1);
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  it("names the parts of an image after their class, safely", () => {
    const { part } = createFileNamer();
    const names = ["dog", "traffic light", "../etc", "", "con", "ü狗", "a\nb", "a:b", "dots..", "x".repeat(300)].map(
      (name, i) => part("x", i, name),
    );
    expect(names.slice(0, -1)).toEqual([
      ...[
        "x.0-dog",
        "x.1-traffic light",
        "x.2-__etc",
        "x.3-class",
        "x.4-_con",
        "x.5-ü狗",
        "x.6-a_b",
        "x.7-a_b",
        "x.8-dots",
      ],
    ]);
    expect(Buffer.byteLength(names.at(-1)!)).toBe(4 + 40);
  });

  it("numbers parts and sheets that would collide with a file, another source or another part", () => {
    const namer = createFileNamer({ taken: ["x.0-DOG.png"], sheets: true });
    expect(namer.stem("/a/x.jpg")).toBe("x");
    expect(namer.part("x", 0, "dog")).toBe("x.0-dog-2");
    expect([namer.part("x", 1, "a/b"), namer.part("x", 1, "a?b")]).toEqual(["x.1-a_b", "x.1-a_b-2"]);
    expect(namer.stem("/a/x.1-a_b.jpg")).toBe("x.1-a_b-3");
    expect(namer.stem("/a/x.sheet.jpg")).toBe("x.sheet-2");
    // Without sheets nothing is kept free for them.
    const plain = createFileNamer();
    expect(["/a/x.jpg", "/a/x.sheet.jpg"].map((path) => plain.stem(path))).toEqual(["x", "x.sheet"]);
  });

  it("never gives two files one name, whatever sources and classes are called", () => {
    const sources = fc.array(fc.stringMatching(/^[xX](\.([01]-a|sheet|heatmap))?(-2)?\.png$/), { maxLength: 8 });
    const classes = fc.array(fc.constantFrom("a", "A", "a-2", "a.heatmap", "sheet"), { maxLength: 3 });
    fc.assert(
      fc.property(sources, classes, (names, found) => {
        const namer = createFileNamer({ taken: ["x.0-a.npy"], sheets: true });
        const files = names.flatMap((name) => {
          const stem = namer.stem(`/a/${name}`);
          const parts = found.map((className, i) => namer.part(stem, i % 2, className));
          return [
            ...[...Object.values(resultSuffixes), sheetSuffix].map((suffix) => stem + suffix),
            ...parts.flatMap((part) => Object.values(partSuffixes).map((suffix) => part + suffix)),
          ].map((name) => name.toLowerCase());
        });
        expect(new Set([...files, "x.0-a.npy"]).size).toBe(files.length + 1);
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});
