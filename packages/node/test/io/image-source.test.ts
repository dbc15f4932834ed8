import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { type Detector, decodeImage, encodeModel, type ImageSource, loadDetector, type RgbImage } from "whybox";
import { MINI_SIZE, makeImage, tameModel } from "../../../core/test/support/mini-detector.js";

const photo = resolve(import.meta.dirname, "../../../../fixtures/photos/chelsea.png");
const image = makeImage(3, [80, 90]);

/** The same image in another number of values for each pixel. */
function pixelsOf({ width, height, data }: RgbImage, channels: 1 | 4) {
  const at = (pixel: number, channel: number) => (channel < 3 ? data[pixel * 3 + channel]! : 77);
  const values = Uint8ClampedArray.from({ length: width * height * channels }, (_, i) =>
    at(Math.floor(i / channels), i % channels),
  );
  return { width, height, data: values };
}

/** A canvas as packages of Node have it. */
function canvasOf(rgb: RgbImage) {
  const pixels = pixelsOf(rgb, 4);
  return { width: rgb.width, height: rgb.height, getContext: () => ({ getImageData: () => pixels }) };
}

const sharpOf = ({ width, height, data }: RgbImage) => sharp(data, { raw: { width, height, channels: 3 } });

describe("an encoded file", () => {
  let bytes: Buffer;
  let expected: RgbImage;
  beforeAll(async () => {
    bytes = await readFile(photo);
    expected = await decodeImage(photo);
  });

  it.each<[string, () => ImageSource]>([
    ["a file URL", () => pathToFileURL(photo)],
    ["a Buffer", () => bytes],
    ["an ArrayBuffer", () => Uint8Array.from(bytes).buffer],
    ["a Blob", () => new Blob([Uint8Array.from(bytes)])],
    ["a File", () => new File([Uint8Array.from(bytes)], "cat.png")],
    ["a stream of Node", () => createReadStream(photo)],
    ["a stream of the web", () => new Blob([Uint8Array.from(bytes)]).stream()],
    ["an async generator", () => Readable.from([bytes.subarray(0, 9), bytes.subarray(9)])],
    ["a sharp image", () => sharp(photo)],
  ])("comes as %s", async (_, source) => {
    expect(await decodeImage(source())).toEqual(expected);
  });

  it.each<[string, () => ImageSource, RegExp]>([
    ["an empty Blob", () => new Blob([]), /The given image is empty/],
    ["a File that is no image", () => new File(["hello"], "notes.txt"), /^notes\.txt contains text; expected JPEG/],
    [
      "a stream of text",
      () => createReadStream(photo, "latin1") as never,
      /The stream gives the text .*expected bytes/,
    ],
    [
      "a stream that fails",
      () =>
        Readable.from(
          (async function* () {
            yield bytes;
            throw new Error("the disk is gone");
          })(),
        ),
      /The stream of the image failed: the disk is gone/,
    ],
    ["a sharp image of nothing", () => sharp(Buffer.from("hello")), /The sharp image cannot be read/],
  ])("is refused as %s", async (_, source, message) => {
    await expect(decodeImage(source())).rejects.toThrow(message);
  });

  it("bounds a canvas and the output of sharp", async () => {
    await expect(decodeImage(canvasOf(image), { maxPixels: 100 })).rejects.toThrow(/The canvas has 90 × 80/);
    await expect(decodeImage(sharpOf(image), { maxPixels: 100 })).rejects.toThrow(/has 90 × 80/);
  });

  it("is not waited for after an abort", async () => {
    const stream = new PassThrough();
    const controller = new AbortController();
    const reading = decodeImage(stream, { signal: controller.signal });
    stream.write(bytes.subarray(0, 100));
    controller.abort(new Error("enough"));
    await expect(reading).rejects.toMatchObject({ code: "aborted", cause: { message: "enough" } });
  });
});

describe("a detector", () => {
  let detector: Detector;
  beforeAll(async () => {
    detector = await loadDetector(encodeModel(tameModel()), { threads: 1 });
  });
  afterAll(() => detector.dispose());
  const options = { imageSize: MINI_SIZE, layer: -2, maxDetections: 2 } as const;
  const heat = async (source: ImageSource) => (await detector.explain(source, options)).heatmap.data;

  it("explains pixels in any form alike, and leaves them to the caller", async () => {
    const expected = await heat(image);
    expect(expected.some((value) => value > 0)).toBe(true);
    const before = image.data.slice();
    for (const source of [
      pixelsOf(image, 4),
      canvasOf(image),
      sharpOf(image),
      { ...image, data: new Uint8ClampedArray(image.data) },
    ]) {
      expect(await heat(source)).toEqual(expected);
    }
    expect(image.data).toEqual(before);
    const grey = pixelsOf(image, 1);
    const repeated = {
      ...grey,
      data: Uint8Array.from({ length: grey.data.length * 3 }, (_, i) => grey.data[Math.floor(i / 3)]!),
    };
    expect(await heat(grey)).toEqual(await heat(repeated));
  });

  it.each<[unknown, RegExp]>([
    [undefined, /^Got undefined; expected an image: a path, a URL, an encoded file/],
    [null, /^Got null; expected an image/],
    [42, /^Got the number 42; expected/],
    [Promise.resolve(image), /^Got a Promise \(await it first\); expected/],
    [["a.jpg", "b.jpg"], /^Got an array of 2 entries; expected/],
    [{ path: "a.jpg" }, /^Got an object with the keys path; expected/],
    [{ width: 2, height: 2, data: [1, 2, 3] }, /^Got an object with the keys width, height, data; expected/],
    [
      { width: 2, height: 2, data: new Uint8Array(7) },
      /\[2, 2\] with 7 bytes\. Expected .*3 bytes \(RGB\), 4 \(RGBA\) or 1/,
    ],
    [new Float32Array(3), /^Got a Float32Array; expected/],
    [new Map(), /^Got a Map; expected/],
    ["", /The path of the image is empty/],
  ])("says what it got instead of an image: %s", async (source, message) => {
    for (const call of [detector.explain, detector.detect]) {
      const failing = call(source as ImageSource, { imageSize: MINI_SIZE });
      await expect(failing).rejects.toMatchObject({ code: "usage", message: expect.stringMatching(message) });
    }
  });

  it("has the types of all forms", () => {
    expectTypeOf<ReturnType<typeof sharp>>().toExtend<ImageSource>();
    expectTypeOf<ReturnType<typeof createReadStream>>().toExtend<ImageSource>();
    expectTypeOf<ReturnType<Blob["stream"]>>().toExtend<ImageSource>();
    expectTypeOf<{ width: number; height: number; data: Uint8ClampedArray }>().toExtend<ImageSource>();
    expectTypeOf<undefined>().not.toExtend<ImageSource>();
    expectTypeOf<number[]>().not.toExtend<ImageSource>();
  });
});
