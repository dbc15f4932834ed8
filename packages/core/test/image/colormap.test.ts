import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { ColormapName } from "../../src/image/colormap.js";
import { colormap, colormapNames } from "../../src/image/colormap.js";

const at = (name: ColormapName, index: number) => [...colormap(name).subarray(3 * index, 3 * index + 3)];

describe("colormap", () => {
  it.each([
    [0, [0, 0, 128]],
    [31, [0, 0, 252]],
    [32, [0, 0, 255]],
    [33, [0, 4, 255]],
    [96, [2, 255, 254]],
    [127, [126, 255, 130]],
    [128, [130, 255, 126]],
    [159, [254, 255, 1]],
    [160, [255, 252, 0]],
    [224, [252, 0, 0]],
    [255, [128, 0, 0]],
  ])("jet has OpenCV's colour at %d", (index, colour) => {
    expect(at("jet", index)).toEqual(colour);
  });

  /** The CRC-32 of the tables of OpenCV 4.14 (`cv2.applyColorMap(arange(256))`, as RGB), which equal matplotlib's. */
  it.each([
    ["jet", 2096204362],
    ["turbo", 3670262492],
    ["viridis", 4094135987],
    ["inferno", 1088253630],
    ["magma", 3499139746],
  ] as const)("%s equals OpenCV's whole table", (name, sum) => {
    expect(colormap(name).length).toBe(768);
    expect(crc32(colormap(name))).toBe(sum);
  });

  it("lists every name once and takes any case", () => {
    expect(new Set(colormapNames).size).toBe(colormapNames.length);
    expect(colormap("Viridis" as ColormapName)).toEqual(colormap("viridis"));
  });

  it("refuses an unknown name with the nearest and all valid ones", () => {
    expect(() => colormap("viridid" as ColormapName)).toThrow(expect.objectContaining({ code: "usage" }));
    expect(() => colormap("viridid" as ColormapName)).toThrow(
      /Did you mean "viridis"\?.*inferno, magma, viridis, turbo, jet/,
    );
    expect(() => colormap("constructor" as ColormapName)).toThrow(/no colour map/);
  });
});
