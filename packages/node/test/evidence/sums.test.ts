import { resolve, sep } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PublicNames, relativeName, withoutFolders } from "../../src/evidence/public-names.js";
import { isInside, readSums, sumsText } from "../../src/evidence/sums.js";

const digest = "a".repeat(64);

describe("SHA256SUMS", () => {
  it("reads what it writes, sorted", () => {
    const sums = ["b", "a/c.npy", "狗.npy", "a b"].map((name) => ({ sha256: digest, name }));
    const text = sumsText(sums);
    expect(text.split("\n").map((line) => line.slice(66))).toEqual(["a b", "a/c.npy", "b", "狗.npy", ""]);
    expect(readSums(text)).toEqual({ sums: new Map(sums.map(({ name }) => [name, digest])), problems: [] });
  });

  it("never takes a path that leads out of the folder", () => {
    const part = fc.oneof(fc.constantFrom("..", ".", "", "a", "/", "\\", "C:", "\0"), fc.string({ maxLength: 4 }));
    const name = fc.array(part, { maxLength: 6 }).map((parts) => parts.join("/"));
    fc.assert(
      fc.property(name, (one) => {
        const { sums } = readSums(`${digest}  ${one}\n`);
        for (const found of sums.keys()) {
          expect(isInside(found)).toBe(true);
          expect(resolve("/bundle", found).startsWith(`${resolve("/bundle")}${sep}`)).toBe(true);
        }
      }),
      { seed: 1, numRuns: 2000 },
    );
    for (const one of ["../a", "a/../b", "/a", "a//b", "./a", "a/", "C:/a", "a\\b", "a\nb", ""])
      expect(isInside(one)).toBe(false);
  });

  it("reports a bounded number of bad lines", () => {
    expect(readSums("x\n".repeat(1000)).problems).toHaveLength(20);
  });
});

describe("public names", () => {
  const names = new PublicNames({
    root: "/home/me/work",
    inputs: [
      { given: "/data/photos", kind: "folder", path: "/data/photos" },
      { given: "C:\\data\\night", kind: "folder", path: "C:\\data\\night" },
    ],
    listing: { recursive: true, split: null, images: "/mnt/images" },
  });

  it.each([
    ["photos/a.jpg", "photos/a.jpg"],
    ["/data/photos/2/a.jpg", "photos/2/a.jpg"],
    ["/mnt/images/a.jpg", "images/a.jpg"],
    ["C:/data/night/a.jpg", "night/a.jpg"],
    ["/home/you/secret/a.jpg", "a.jpg"],
    ["https://me:pass@example.com/x/a.jpg?token=1#b", "https://example.com/x/a.jpg"],
    ["rtsp://me:pass@10.0.0.1:554/live?key=1", "rtsp://10.0.0.1:554/live"],
  ])("%s is %s", (source, name) => {
    expect(names.source(source)).toBe(name);
  });

  it.each([
    ["photos", "photos"],
    ["../photos", "../photos"],
    ["/data/photos", "photos"],
    ["/data/photos/**/*.jpg", "photos/**/*.jpg"],
    ["C:\\data\\night", "night"],
  ])("the argument %s is %s", (given, name) => {
    expect(names.input(given)).toBe(name);
  });

  it("takes folders out of messages, and leaves other words", () => {
    expect(names.message("/data/photos/a b.jpg is text, see /home/me/work/x y.", "/data/photos/a b.jpg")).toBe(
      "photos/a b.jpg is text, see …/x y.",
    );
    expect(withoutFolders("cannot read /home/me/a.jpg and/or C:\\Users\\me\\b.jpg: see https://example.com/a/b")).toBe(
      "cannot read …/a.jpg and/or …/b.jpg: see https://example.com/a/b",
    );
    expect([relativeName("p/a.jpg"), relativeName("/x/y/a.jpg")]).toEqual(["p/a.jpg", "a.jpg"]);
  });
});
