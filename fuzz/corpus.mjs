// The sound files that are changed: from fixtures, and small ones made here.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import sharp from "sharp";
import { encodeNpy } from "whybox";
import { writeZip } from "./mutate/zip.mjs";

export const root = resolve(import.meta.dirname, "..");
const fixtures = join(root, "fixtures");
/** Larger files are left out: they have the same ops, and cost most of the time. */
const MAX_BYTES = 700_000;

/** A file for a case: one of ten thousand bytes ten times as often as one of a hundred thousand. */
export function chooseFile(chance, files) {
  const weights = files.map(({ bytes }) => 1 / Math.max(bytes.length, 10_000));
  let left = chance.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [i, weight] of weights.entries()) {
    left -= weight;
    if (left <= 0) return files[i];
  }
  return files[0];
}

const text = (value) => new TextEncoder().encode(value);

/** The unzipped files NAME.EXTENSION.gz of folders of fixtures, as entries with name and bytes. */
function unzipped(folders, extension) {
  return folders.flatMap((folder) =>
    readdirSync(join(fixtures, folder))
      .filter((name) => name.endsWith(`.${extension}.gz`))
      .map((name) => ({
        name: `${folder}/${name}`,
        bytes: new Uint8Array(gunzipSync(readFileSync(join(fixtures, folder, name)))),
      }))
      .filter(({ bytes }) => bytes.length <= MAX_BYTES),
  );
}

export const onnxFiles = () => unzipped(["heads", "exports", "classifiers", "tasks", "black-box"], "onnx");
export const torchFiles = () => unzipped(["torch"], "pt");

/** TF.js models: model.json and its weights, as an archive. */
export function tfjsFiles() {
  const weights = new Map(unzipped(["tfjs"], "bin").map(({ name, bytes }) => [name.replace(/bin\.gz$/, ""), bytes]));
  return unzipped(["tfjs"], "json").map(({ name, bytes }) => ({
    name,
    bytes: writeZip([
      { name: "model.json", bytes },
      { name: "weights.bin", bytes: weights.get(name.replace(/json\.gz$/, "")) ?? new Uint8Array(0) },
    ]),
  }));
}

/** The folder of a run, as an archive. */
export function runFiles() {
  const folder = join(fixtures, "fuzz/run");
  const files = readdirSync(folder).map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(folder, name))) }));
  const finished = [...files, { name: "_SUCCESS", bytes: text("{}") }];
  return [
    { name: "unfinished", bytes: writeZip(files) },
    { name: "finished", bytes: writeZip(finished) },
  ];
}

export function npyFiles() {
  const map = { height: 4, width: 6, data: Float32Array.from({ length: 24 }, (_, i) => i / 7) };
  const sound = encodeNpy(map);
  const padded = encodeNpy({ ...map, height: 24, width: 1 });
  return [
    { name: "wide.npy", bytes: sound },
    { name: "high.npy", bytes: padded },
  ];
}

/** Small images in all formats that are read, in several forms. */
export async function imageFiles() {
  const [width, height] = [24, 16];
  const rgb = Buffer.from({ length: width * height * 3 }, (_, i) => (i * 37) % 256);
  const image = sharp(rgb, { raw: { width, height, channels: 3 } });
  const made = {
    "rgb.png": image.clone().png(),
    "palette.png": image.clone().png({ palette: true, colours: 8 }),
    "grey16.png": image.clone().toColourspace("grey16").png(),
    "alpha.png": image.clone().ensureAlpha(0.5).png({ progressive: true }),
    "turned.jpg": image.clone().withMetadata({ orientation: 6 }).jpeg(),
    "progressive.jpg": image.clone().jpeg({ progressive: true }),
    "cmyk.jpg": image.clone().toColourspace("cmyk").jpeg(),
    "lzw.tiff": image.clone().tiff({ compression: "lzw" }),
    "tiles.tiff": image.clone().tiff({ tile: true, tileWidth: 16, tileHeight: 16, compression: "deflate" }),
    "plain.gif": image.clone().gif(),
    "plain.webp": image.clone().webp({ lossless: true }),
    "plain.avif": image.clone().avif({ effort: 0 }),
  };
  const files = await Promise.all(
    Object.entries(made).map(async ([name, one]) => ({ name, bytes: new Uint8Array(await one.toBuffer()) })),
  );
  const floats = { name: "float.tiff", bytes: floatTiff(width, height) };
  return [
    ...files,
    floats,
    ...[1, 4, 8, 16, 24, 32].map((bits) => ({ name: `${bits}.bmp`, bytes: bmp(width, height, bits) })),
  ];
}

/** An uncompressed TIFF of one float for each pixel. */
function floatTiff(width, height) {
  const [short, long] = [3, 4];
  const data = Float32Array.from({ length: width * height }, (_, i) => i / 5);
  const tags = [
    ...[
      [256, long, width],
      [257, long, height],
      [258, short, 32],
      [259, short, 1],
      [262, short, 1],
      [273, long, 0],
    ],
    ...[
      [277, short, 1],
      [278, long, height],
      [279, long, data.byteLength],
      [339, short, 3],
    ],
  ];
  const start = 8 + 2 + tags.length * 12 + 4;
  const bytes = new Uint8Array(start + data.byteLength);
  const view = new DataView(bytes.buffer);
  bytes.set([0x49, 0x49, 42, 0, 8]);
  view.setUint16(8, tags.length, true);
  for (const [i, [tag, type, value]] of tags.entries()) {
    const at = 10 + 12 * i;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, 1, true);
    view.setUint32(at + 8, tag === 273 ? start : value, true);
  }
  bytes.set(new Uint8Array(data.buffer), start);
  return bytes;
}

/** An uncompressed BMP with a palette below 16 bits. */
function bmp(width, height, bits) {
  const colours = bits <= 8 ? 2 ** bits : 0;
  const row = Math.ceil((width * bits) / 32) * 4;
  const start = 54 + colours * 4;
  const bytes = new Uint8Array(start + row * height).map((_, i) => (i * 29) % 256);
  const view = new DataView(bytes.buffer);
  bytes.set(text("BM"));
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, start, true);
  for (const [i, value] of [40, width, height].entries()) view.setInt32(14 + 4 * i, value, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, bits, true);
  for (const [i, value] of [0, row * height, 2835, 2835, colours, 0].entries()) view.setUint32(30 + 4 * i, value, true);
  return bytes;
}

/** Text files that come with a model. Their names say how they are read. */
export const besideFiles = () =>
  Object.entries({
    "data.yaml": "path: ../coco\nnc: 3\nnames:\n  0: person\n  1: 'traffic light'\n  2: \"dog\"\n",
    "list.yaml": "names: [person, bicycle, &c car, *c]\n",
    "names.txt": "person\nbicycle\ncar\n",
    "metadata.yaml":
      "description: Ultralytics YOLOv8n model\ndate: 2024-01-01T00:00:00\nversion: 8.4.0\nstride: 32\ntask: detect\nbatch: 1\nimgsz:\n- 640\n- 640\nkpt_shape: [17, 3]\nend2end: false\nnames:\n  0: person\n  1: car\n",
    "preprocessor_config.json": JSON.stringify({
      ...{ do_normalize: true, do_rescale: true, do_resize: true, do_pad: false, rescale_factor: 1 / 255 },
      ...{ image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225], size: { height: 640, width: 640 } },
      ...{ image_processor_type: "RTDetrImageProcessor", resample: 2, format: "coco_detection" },
    }),
    "dict.names": `{0: 'person', 1: "it's", 2: 'tr\\u00e4ffic', 3: True, 4: 5}`,
    "list.names": '["person", "car", "dog"]',
  }).map(([name, content]) => ({ name, bytes: text(content) }));
