import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import sharp, { type Sharp } from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeImage, encodePng } from "whybox";
import { bmp, tiff32 } from "./image-files.js";

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

describe("images that can be read", () => {
  it.each(["jpeg", "png", "webp", "avif", "gif", "tiff"] as const)("%s", async (format) => {
    await writeFile(at(`x.${format}`), await sharp(photo).resize(60).toFormat(format).toBuffer());
    const { width, height, data } = await decodeImage(at(`x.${format}`));
    expect([width, height, data.length]).toEqual([60, 45, 60 * 45 * 3]);
  });

  it.each([
    ["grey", [100, 100, 100], (image: Sharp) => image.greyscale().png()],
    ["grey JPEG", [100, 100, 100], (image: Sharp) => image.greyscale().jpeg()],
    ["a palette", [100, 100, 100], (image: Sharp) => image.png({ palette: true })],
    ["16 bits", [100, 100, 100], (image: Sharp) => image.toColourspace("rgb16").png()],
    ["16 bits of grey", [100, 100, 100], (image: Sharp) => image.toColourspace("grey16").png()],
    ["alpha, dropped", [100, 100, 100], (image: Sharp) => image.ensureAlpha(0.5).png()],
  ] as [string, number[], (image: Sharp) => Sharp][])("%s becomes 8-bit RGB", async (_, colour, encode) => {
    const flat = sharp({ create: { width: 8, height: 6, channels: 3, background: "#646464" } });
    const { width, height, data } = await decodeImage(await encode(flat).toBuffer());
    expect([width, height, data.length]).toEqual([8, 6, 144]);
    for (const [c, value] of colour.entries()) expect(Math.abs(data[c]! - value)).toBeLessThanOrEqual(1);
  });

  it("CMYK becomes RGB by its colours", async () => {
    const red = sharp({ create: { width: 8, height: 6, channels: 3, background: "#c01e28" } });
    const { data } = await decodeImage(await red.toColourspace("cmyk").jpeg().toBuffer());
    expect(data).toHaveLength(144);
    expect(data[0]).toBeGreaterThan(150);
    expect(Math.max(data[1]!, data[2]!)).toBeLessThan(70);
  });

  it.each([
    ["tiff", "3 pages. The first page is read."],
    ["gif", "3 frames. The first frame is read."],
    ["webp", "3 frames. The first frame is read."],
  ] as const)("the first image of a %s with several, and says so", async (format, says) => {
    const flat = (background: string) => sharp({ create: { width: 4, height: 4, channels: 3, background } });
    const parts = await Promise.all(["red", "lime", "blue"].map((colour) => flat(colour).png().toBuffer()));
    const notes: string[] = [];
    const onNote = (text: string) => void notes.push(text);
    const several = await sharp(parts, { join: { animated: true } })
      .toFormat(format)
      .toBuffer();
    const { height, data } = await decodeImage(several, { onNote });
    expect([height, data[0]! > 250, data[1]! < 5]).toEqual([4, true, true]);
    await decodeImage(await sharp(parts[0]).toFormat(format).toBuffer(), { onNote });
    expect(notes).toEqual([`The given image: ${says}`]);
  });

  it.each<[string, Uint8Array, number[]]>([
    ["grey floats in 0..1", tiff32(2, Float32Array.of(0, 0.2, 1, -1), 1), [0, 51, 255, 0]],
    ["grey floats in 0..255", tiff32(2, Float32Array.of(0, 51, 255, Number.NaN), 1), [0, 51, 255, 0]],
    ["grey integers of 16 bits in 32", tiff32(2, Int32Array.of(0, 51 * 257, 65_535, -5), 1), [0, 51, 255, 0]],
    ["grey integers of 8 bits in 32", tiff32(2, Int32Array.of(0, 51, 1, 100), 1), [0, 51, 1, 100]],
    ["larger numbers, by the largest", tiff32(2, Int32Array.of(0, 200_000, 1_000_000, 0), 1), [0, 51, 255, 0]],
  ])("TIFF with 32 bits: %s", async (_, file, wanted) => {
    const notes: string[] = [];
    const { data } = await decodeImage(file, { onNote: (text) => notes.push(text) });
    expect(notes).toEqual([expect.stringMatching(/values of 32 bits, read as 0 to \d+/)]);
    expect([...data]).toEqual(wanted.flatMap((value) => [value, value, value]));
  });

  it.each([1, 255, 65_535])("TIFF with floats in colour, in 0..%d, as they are", async (range) => {
    const shares = [0, 0.2, 0.4, 0.6, 0.8, 1];
    const { data } = await decodeImage(
      tiff32(
        2,
        Float32Array.from(shares, (share) => share * range),
        3,
      ),
    );
    expect([...data]).toEqual([0, 51, 102, 153, 204, 255]);
  });

  it("BMP in colour and with a palette, the right way up", async () => {
    const [red, green, grey] = [
      [255, 0, 0],
      [0, 255, 0],
      [7, 7, 7],
    ] as const;
    const rows = [
      [red, green, grey],
      [grey, grey, red],
    ] as const;
    const { width, height, data } = await decodeImage(bmp(rows));
    expect([width, height, ...data]).toEqual([3, 2, ...rows.flat(2)]);
    expect([...(await decodeImage(bmp([[grey, [9, 9, 9]]], 8))).data]).toEqual([...grey, 9, 9, 9]);
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

  it("a GIF whose frame lies far outside of its screen, but not one with a screen that is too small", async () => {
    const flat = sharp({ create: { width: 60, height: 40, channels: 3, background: "#646464" } });
    const gif = await flat.gif().toBuffer();
    const frame = gif.indexOf(Uint8Array.of(0x2c, 0, 0, 0, 0, 60, 0, 40, 0));
    const changed = (fields: Readonly<Record<number, number>>) => {
      const copy = Buffer.from(gif);
      for (const [at, value] of Object.entries(fields)) copy.writeUInt16LE(value, Number(at));
      return copy;
    };
    const far = changed({ [frame + 1]: 48_000, [frame + 3]: 100 });
    await fails(far, "bad-input", /GIF .*frame ends at 48060 × 140 pixels, but its screen has 60 × 40, and \d+ bytes/);
    // Screen and size: a frame that is larger, no screen, and a frame that is smaller.
    for (const [side, height, size] of [
      [1, 1, [60, 40]],
      [0, 0, [60, 40]],
      [100, 90, [100, 90]],
    ] as const) {
      const image = await decodeImage(changed({ 6: side, 8: height }));
      expect([image.width, image.height]).toEqual(size);
    }
  });

  it("an AVIF that declares another size than it has, before decoding", async () => {
    const flat = sharp({ create: { width: 2000, height: 1500, channels: 3, background: "#646464" } });
    const avif = await flat.avif({ effort: 0 }).toBuffer();
    const declared = avif.indexOf("ispe") + 8;
    const changed = (width: number, height: number) => {
      const copy = Buffer.from(avif);
      copy.writeUInt32BE(width, declared);
      copy.writeUInt32BE(height, declared + 4);
      return copy;
    };
    expect(await decodeImage(changed(2000, 1500))).toMatchObject({ width: 2000, height: 1500 });
    await fails(changed(24, 16), "bad-input", /AVIF .*2000x1500 exceeds/);
    await fails(changed(9000, 9000), "bad-input", /AVIF .*does not have the size/);
    await fails(changed(4_000_000, 16), "limit", /4000000 × 16 pixels; the limit is 1048576 for each side/);
  });

  it("text named .jpg, SVG, and sizes past the limit", async () => {
    await writeFile(at("text.jpg"), "not an image\n");
    await fails(at("text.jpg"), "bad-input", /contains text;/);
    await fails(new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>'), "bad-input", /SVG/);
    const large = await sharp({ create: { width: 400, height: 400, channels: 3, background: "#fff" } })
      .png()
      .toBuffer();
    await fails(large, "limit", /400 × 400/, { maxPixels: 1000 });
    const long = sharp({ create: { width: 2_000_000, height: 2, channels: 3, background: "#fff" } });
    await fails(await long.png().toBuffer(), "limit", /2000000 × 2 pixels; the limit is 1048576 for each side/);
  });

  it("what only looks like an image at its start", async () => {
    const disguised = '<!--ftypavif--><svg xmlns="http://www.w3.org/2000/svg" width="5" height="5"/>';
    await fails(new TextEncoder().encode(disguised), "bad-input", /contains svg data;/);
    await fails(new TextEncoder().encode("<svg x='WEBPVP8 '/>"), "bad-input", /SVG/);
    await fails(new TextEncoder().encode("<!DOCTYPE html><p>Not found</p>"), "bad-input", /an HTML page/);
    await fails(Uint8Array.of(8, 8, 18, 7, 112, 121), "bad-input", /an unknown format/);
    await fails(new TextEncoder().encode("RIFF0000AVI LIST"), "bad-input", /AVI video/);
  });

  it("every format cut short, with a reason that says something", async () => {
    for (const format of ["jpeg", "png", "webp", "avif", "gif", "tiff"] as const) {
      const whole = await sharp(photo).resize(200).toFormat(format).toBuffer();
      for (const share of [0.05, 0.5, 0.95]) {
        const cut = whole.subarray(0, Math.floor(whole.length * share));
        await fails(cut, "bad-input", /truncated or damaged \((?=.*[a-z]{4}).*[^:]\)/);
      }
    }
  });

  it("BMP that is cut short, too large, or has too many colours", async () => {
    const whole = bmp([[[1, 2, 3]], [[4, 5, 6]]]);
    for (const length of [3, 20, 50, whole.length - 2]) {
      await fails(whole.subarray(0, length), "bad-input", /starts like BMP but is truncated or damaged/);
    }
    const changed = (at: number, value: number) => {
      const copy = whole.slice();
      new DataView(copy.buffer).setUint32(at, value, true);
      return copy;
    };
    await fails(changed(18, 200_000), "limit", /200000 × 2 = /, { maxPixels: 1000 });
    await fails(changed(22, 0x80000000), "limit", /× 2147483648/);
    await fails(changed(46, 0xffffffff), "bad-input", /a palette of 4294967295 colours/);
  });

  it("PPM, as what it is", async () => {
    await fails(
      new TextEncoder().encode("P6\n2 1\n255\n\x01\x02\x03\x04\x05\x06"),
      "bad-input",
      /contains a PPM image/,
    );
  });

  it("what is no file of this machine", async () => {
    await fails("", "usage", /path of the image is empty/);
    await fails("http://", "usage", /not a valid URL/);
    await fails("ftp://example.org/a.jpg", "usage", /only http and https are supported/);
    await fails("data:image/png;base64,AAAA", "usage", /data URL/);
    await fails(new URL("file://elsewhere/%2F.jpg"), "usage", /not a file on this machine/);
    await fails(join(photo, "x.jpg"), "bad-input", /does not exist/);
    await fails("a\0b.jpg", "bad-input", /cannot be read/);
    if (process.platform === "linux") await fails("/dev/null", "bad-input", /not a regular file/);
  });

  it.skipIf(process.platform === "win32" || process.getuid?.() === 0)("a file without permission", async () => {
    await writeFile(at("secret.jpg"), "x", { mode: 0 });
    await fails(at("secret.jpg"), "bad-input", /cannot be read: permission denied/);
  });

  it("a file of a gigabyte, without reading it", async () => {
    await writeFile(at("huge.jpg"), "");
    await truncate(at("huge.jpg"), 2 ** 30);
    await fails(at("huge.jpg"), "limit", /1024 MB; the limit for an image is 512 MB/);
    await rm(at("huge.jpg"));
  });

  it("no bytes, a limit that is none, and pixels that fit no image", async () => {
    await fails(new Uint8Array(), "bad-input", /is empty/);
    await fails(photo, "usage", /maxPixels is NaN/, { maxPixels: Number.NaN });
    await expect(encodePng({ height: 2, width: 2, data: new Uint8Array(5) })).rejects.toMatchObject({
      code: "internal",
    });
  });

  it("an abort", async () => {
    await fails(photo, "aborted", /abort/i, { signal: AbortSignal.abort() });
  });
});
