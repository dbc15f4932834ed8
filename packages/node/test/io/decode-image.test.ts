import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeImage, encodePng } from "whybox";

const photo = resolve(import.meta.dirname, "../../../../fixtures/photos/dog.jpg");
let folder: string;
const at = (name: string) => join(folder, name);
const fails = async (source: string | URL | Uint8Array, code: string, text: RegExp, options = {}) => {
  await expect(decodeImage(source, options)).rejects.toMatchObject({
    name: "WhyboxError",
    code,
    message: expect.stringMatching(text),
  });
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whybox-io-"));
});

describe("pictures that can be read", () => {
  it.each(["jpeg", "png", "webp", "avif", "gif", "tiff"] as const)("%s", async (format) => {
    await writeFile(at(`x.${format}`), await sharp(photo).resize(60).toFormat(format).toBuffer());
    const { width, height, data } = await decodeImage(at(`x.${format}`));
    expect([width, height, data.length]).toEqual([60, 45, 60 * 45 * 3]);
  });

  it("grey, alpha, CMYK and 16 bit become 8-bit RGB", async () => {
    const small = () => sharp(photo).resize(40);
    const variants = [
      await small().greyscale().png().toBuffer(),
      await small().ensureAlpha(0.5).png().toBuffer(),
      await small().toColourspace("cmyk").jpeg().toBuffer(),
      await small().toColourspace("rgb16").png().toBuffer(),
    ];
    for (const bytes of variants) expect((await decodeImage(bytes)).data).toHaveLength(40 * 30 * 3);
  });

  it("turned as EXIF says", async () => {
    const turned = await sharp(photo).resize(60).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const { width, height } = await decodeImage(turned);
    expect([width, height]).toEqual([45, 60]);
  });

  it("one pixel, by file URL, and back to PNG", async () => {
    const one = await sharp({ create: { width: 1, height: 1, channels: 3, background: "#102030" } })
      .png()
      .toBuffer();
    const image = await decodeImage(one);
    expect([...image.data]).toEqual([0x10, 0x20, 0x30]);
    expect([...(await decodeImage(await encodePng(image))).data]).toEqual([0x10, 0x20, 0x30]);
  });
});

describe("what is refused, in words", () => {
  it("missing files, folders, empty and truncated files", async () => {
    await fails(at("none.jpg"), "bad-input", /none\.jpg/);
    await fails(folder, "bad-input", /folder|directory/i);
    await writeFile(at("empty.jpg"), "");
    await fails(at("empty.jpg"), "bad-input", /empty/);
    await writeFile(at("cut.jpg"), (await readFile(photo)).subarray(0, 60_000));
    await fails(at("cut.jpg"), "bad-input", /truncated or damaged/);
  });

  it("text named .jpg, SVG, and sizes past the limit", async () => {
    await writeFile(at("text.jpg"), "not a picture\n");
    await fails(at("text.jpg"), "bad-input", /text by its content/);
    await fails(new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>'), "bad-input", /SVG/);
    const large = await sharp({ create: { width: 400, height: 400, channels: 3, background: "#fff" } })
      .png()
      .toBuffer();
    await fails(large, "limit", /400 × 400/, { maxPixels: 1000 });
  });

  it("an abort", async () => {
    await fails(photo, "aborted", /abort/i, { signal: AbortSignal.abort() });
  });
});
