import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createStemNamer, resultSuffixes, stemOf } from "../../src/batch/names.js";
import type { Source } from "../../src/batch/sources.js";

const file = (location: string): Source => ({ input: location, kind: "file", location });
const url = (location: string): Source => ({ input: location, kind: "url", location });

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
    expect(stemOf(file(location))).toBe(stem);
  });

  it.each([
    ["https://example.org/a/dog.jpg?size=2", "dog"],
    ["https://example.org/a%2Fb/c%20d.jpg", "c d"],
    ["https://example.org/..%2F..%2Fetc%2Fpasswd.png", "__.._etc_passwd"],
    ["https://example.org/50%.jpg", "50%"],
    ["https://example.org/", "example.org"],
  ])("%j gives %j", (location, stem) => {
    expect(stemOf(url(location))).toBe(stem);
  });

  it("is short enough for every file system", () => {
    const stem = stemOf(file(`/a/${"ü".repeat(300)}.png`));
    expect(Buffer.byteLength(stem)).toBeLessThanOrEqual(180);
    expect(stem).toMatch(/^ü+$/);
  });

  it("never leaves the folder, whatever the name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (name) => {
        const stem = stemOf(file(`/a/${name}`));
        expect(stem).toMatch(/^[^/\\:\p{Cc}]+$/u);
        expect(stem.startsWith(".")).toBe(false);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

describe("createStemNamer", () => {
  it("numbers what would collide, ignoring case and composition", () => {
    const name = createStemNamer([]);
    const stems = ["/a/x.jpg", "/b/x.png", "/b/X.png", "/c/x-2.png", "/c/u\u0308.png", "/c/\u00dc.png"].map((path) =>
      name(file(path)),
    );
    expect(stems).toEqual(["x", "x-2", "X-3", "x-2-2", "\u00fc", "\u00dc-2"]);
  });

  it("passes over files that are there, whichever kind they are", () => {
    expect(createStemNamer(["x.heatmap.npy"])(file("/a/x.png"))).toBe("x-2");
    expect(createStemNamer(["X.JSON", "x-2.png"])(file("/a/x.png"))).toBe("x-3");
    expect(createStemNamer(["x.txt"])(file("/a/x.png"))).toBe("x");
  });

  it("never gives two sources one file, whatever their names", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[xX.\-2]{0,4}(\.heatmap)?\.(png|jpg)$/), { maxLength: 30 }), (names) => {
        const nameStem = createStemNamer(["x.png"]);
        const files = names.flatMap((name) => {
          const stem = nameStem(file(`/a/${name}`));
          return Object.values(resultSuffixes).map((suffix) => (stem + suffix).toLowerCase());
        });
        expect(new Set([...files, "x.png"]).size).toBe(files.length + 1);
      }),
      { seed: 2, numRuns: 300 },
    );
  });
});
