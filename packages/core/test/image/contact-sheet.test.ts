import { describe, expect, it } from "vitest";
import { type Box, type DrawnDetection, type RgbImage, renderContactSheet, type SheetTile } from "../../src/index.js";

const BLACK = 0;
const makeImage = (height: number, width: number): RgbImage => ({
  height,
  width,
  data: new Uint8Array(height * width * 3).fill(BLACK),
});
const box = (x1: number, y1: number, x2: number, y2: number): Box<"image"> => ({ frame: "image", x1, y1, x2, y2 });
const detection = (boxImage: Box<"image">): DrawnDetection => ({
  boxImage,
  classIndex: 0,
  className: "dog",
  confidence: 0.5,
});
const tile = (image: RgbImage, boxImage = box(0, 0, image.width, image.height), caption = "0 dog"): SheetTile => ({
  heatmap: { height: image.height, width: image.width, data: new Float32Array(image.height * image.width) },
  detections: [detection(boxImage)],
  caption,
});
const tiles = (image: RgbImage, count: number) => Array.from({ length: count }, () => tile(image));

/** How many separate runs of dark pixels a row or column through a sheet crosses: tiles, where the image is black. */
function darkRuns({ width, height, data }: RgbImage, at: (i: number) => readonly [x: number, y: number]): number {
  let runs = 0;
  let wasDark = false;
  for (let i = 0; ; i++) {
    const [x, y] = at(i);
    if (x >= width || y >= height) return runs;
    const isDark = data[(y * width + x) * 3]! < 128;
    if (isDark && !wasDark) runs++;
    wasDark = isDark;
  }
}

describe("renderContactSheet", () => {
  const image = makeImage(60, 80);

  it.each([
    [1, 1, 1],
    [2, 2, 1],
    [4, 2, 2],
    [6, 3, 2],
  ])("lays %i tiles out in %i columns and %i rows", (count, columns, rows) => {
    // Without boxes and captions all that is dark is the image.
    const bare = tiles(image, count).map((one) => ({ ...one, caption: "" }));
    const sheet = renderContactSheet(image, bare, { boxes: false });
    expect(darkRuns(sheet, (i) => [i, 40])).toBe(columns);
    expect(darkRuns(sheet, (i) => [40, i])).toBe(rows);
    expect(sheet.data.length).toBe(sheet.height * sheet.width * 3);
  });

  it("shows the region of each tile, also after a tile of another region", () => {
    const shaded = { ...image, data: image.data.map((_, i) => i % 251) };
    const [whole, part] = [tile(shaded), tile(shaded, box(2, 2, 6, 6))].map((one) => ({ ...one, caption: "" }));
    const half = (sheet: RgbImage, side: number) =>
      Array.from({ length: sheet.height }, (_, y) => (y * 2 + side) * sheet.width * 1.5).map((at) =>
        Buffer.from(sheet.data.subarray(at, at + sheet.width * 1.5)).toString("hex"),
      );
    const draw = (...shown: SheetTile[]) => renderContactSheet(shaded, shown, { boxes: false });
    const [same, mixed, turned] = [draw(whole!, whole!), draw(whole!, part!), draw(part!, whole!)];
    expect(half(mixed, 0)).toEqual(half(same, 0));
    expect(half(mixed, 1)).not.toEqual(half(same, 1));
    expect(half(turned, 1)).toEqual(half(same, 1));
  });

  it("writes captions, and cuts those that are too long instead of writing into the next cell", () => {
    const bare = renderContactSheet(image, [{ ...tile(image), caption: "" }, tile(image)]);
    const written = renderContactSheet(image, [{ ...tile(image), caption: "W".repeat(500) }, tile(image)]);
    expect(written.data).not.toEqual(bare.data);
    const half = (sheet: RgbImage) =>
      Array.from({ length: sheet.height }, (_, y) =>
        Buffer.from(sheet.data.subarray((y * sheet.width + sheet.width / 2) * 3, (y + 1) * sheet.width * 3)),
      );
    expect(half(written)).toEqual(half(bare));
  });

  it("shows 64 tiles at most, and says how many more there are", () => {
    const full = renderContactSheet(image, tiles(image, 64));
    const more = renderContactSheet(image, tiles(image, 70));
    const evenMore = renderContactSheet(image, tiles(image, 170));
    expect(more.height).toBeGreaterThan(full.height);
    expect(evenMore.height).toBe(more.height);
    expect(evenMore.data).not.toEqual(more.data);
  });

  it("shows the part around a small box, larger, and all of the image for a large one", () => {
    const large = makeImage(300, 300);
    large.data.set([255, 0, 0], (20 * 300 + 20) * 3); // one red pixel, at the upper left
    const sheet = (boxImage: Box<"image">) => renderContactSheet(large, [tile(large, boxImage)], { boxes: false });
    const red = ({ data }: RgbImage) =>
      data.filter((value, i) => i % 3 === 0 && value > 40 && data[i + 1]! < 20).length;
    const near = red(sheet(box(15, 15, 25, 25)));
    expect(near).toBeGreaterThan(4 * red(sheet(box(0, 0, 300, 300))));
    expect(red(sheet(box(290, 290, 299, 299)))).toBe(0);
  });

  it("draws each tile's own heat and box in it", () => {
    const hot = tile(image, box(20, 20, 40, 40));
    hot.heatmap.data.fill(1);
    const [cold, warm] = [tile(image, box(20, 20, 40, 40)), hot].map((one) => renderContactSheet(image, [one]));
    expect(warm!.data).not.toEqual(cold!.data);
    expect(renderContactSheet(image, [hot], { boxes: false }).data).not.toEqual(warm!.data);
  });

  it("cuts by the heatmap of each tile where asked to", () => {
    const half = makeImage(60, 80);
    half.data.fill(200, 0, 30 * 80 * 3);
    const hot = tile(half);
    hot.heatmap.data.fill(1, 0, 30 * 80);
    const sheet = renderContactSheet(half, [{ ...hot, caption: "" }], { boxes: false, crop: "rest" });
    // The upper half was 200, the mean is 100, and where the halves meet it fades.
    expect([...sheet.data].reduce((most, value) => (value < 255 ? Math.max(most, value) : most), 0)).toBe(100);
  });

  it.each([
    [1, 1],
    [1, 3000],
    [3000, 1],
    [2000, 40],
  ])("takes an image of [%i, %i]", (height, width) => {
    const strip = makeImage(height, width);
    const sheet = renderContactSheet(strip, tiles(strip, 3));
    expect(Math.max(sheet.height, sheet.width)).toBeLessThan(2500);
  });
});
