import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { jsonText } from "@whybox/core";
import { grids, type TaggedDetection, type TagsFile } from "@whybox/report";
import sharp from "sharp";
import { locate, type OpenRun, type RunImage, type SmallMap } from "../report/read-run.js";
import { TagIndex } from "../report/tags.js";
import { heatFields, imagesIn } from "./run-images.js";
import { writeParts } from "./write-parts.js";

/** Maximum number of heatmaps in a folder. */
const FOLDER_FILES = 1000;

/**
 * Writes a folder that FiftyOne loads: `fo.Dataset.from_dir(folder, dataset_type=fo.types.FiftyOneDataset)`.
 *
 * Each image is a sample with `predictions` (`fo.Detections`). Boxes are [x, y, width, height] relative to the image size. The
 * measurements of the maps are attributes. Samples with maps have a `heatmap` (`fo.Heatmap`, 32 × 32): in each cell the maximum
 * of all maps. Images are not copied: `filepath` is their original path. Video frames and images from URLs are skipped, because
 * each sample must be a file.
 *
 * The layout is the one whose metadata.json has no version (docs.voxel51.com, "FiftyOneDataset"). Its samples are the output of
 * `Sample.to_dict()`, and FiftyOne infers their fields. The newer layout is a copy of FiftyOne's own database.
 *
 * Tags of the file are `tags` of the detections, and of the samples. Notes are `note` of the detections.
 * @returns The number of skipped images.
 * @throws output.
 */
export async function writeFiftyOne(folder: string, run: OpenRun, tags?: TagsFile): Promise<number> {
  const index = tags === undefined ? undefined : new TagIndex(tags);
  let [samples, skipped] = [0, 0];
  async function* text(): AsyncGenerator<string> {
    yield '{"samples":[';
    for await (const image of imagesIn(run)) {
      const filepath = image.frame === undefined ? locate(run, image.source) : undefined;
      if (filepath === undefined) {
        skipped++;
        continue;
      }
      const heatmap = image.maps.length === 0 ? undefined : await writeHeatmap(folder, image);
      yield `${samples++ === 0 ? "\n" : ",\n"}${jsonText(sampleOf(image, { filepath, heatmap, run, tagged: tagsOf(image, index) }))}`;
    }
    yield "\n]}\n";
  }
  await writeParts(join(folder, "samples.json"), text());
  const { classNames, sha256 } = run.manifest.model;
  const info = { classes: classNames, model_sha256: sha256, tool: `whybox ${run.manifest.versions.whybox}` };
  await writeParts(join(folder, "metadata.json"), [`${jsonText({ media_type: "image", info }, 2)}\n`]);
  return skipped;
}

/** The tags of an image's detections. */
function tagsOf(
  { source, frame, detections }: RunImage,
  index: TagIndex | undefined,
): readonly (TaggedDetection | undefined)[] {
  const objects = detections.map(({ name, box }, detection) => ({ name, box, detection }));
  return index?.of(source, frame, objects) ?? [];
}

interface SampleParts {
  readonly filepath: string;
  readonly heatmap: string | undefined;
  readonly run: OpenRun;
  readonly tagged: readonly (TaggedDetection | undefined)[];
}

function sampleOf(image: RunImage, { filepath, heatmap, run, tagged }: SampleParts) {
  const { item, size, detections } = image;
  const [height, width] = size;
  return {
    filepath,
    tags: [...new Set(tagged.flatMap((entry) => entry?.tags ?? []))],
    metadata: { _cls: "ImageMetadata", width, height },
    item,
    predictions: { _cls: "Detections", detections: detections.map((_, i) => detectionOf(image, i, tagged[i], run)) },
    ...(heatmap === undefined ? {} : { heatmap: { _cls: "Heatmap", tags: [], map_path: heatmap, range: [0, 255] } }),
  };
}

function detectionOf(image: RunImage, index: number, tagged: TaggedDetection | undefined, run: OpenRun) {
  const detection = image.detections[index]!;
  const [height, width] = image.size;
  const [x1, y1, x2, y2] = detection.box;
  const box = [x1 / width, y1 / height, (x2 - x1) / width, (y2 - y1) / height];
  // FiftyOne infers a field's type from its values, and null has no type.
  const known = Object.entries(heatFields(image, index)).filter(([, value]) => value !== null);
  return {
    ...{
      _cls: "Detection",
      attributes: {},
      tags: [...(tagged?.tags ?? [])],
      label: detection.name,
      bounding_box: box.map(rounded),
    },
    ...{ confidence: detection.score, level: run.manifest.model.levels[detection.level]?.name ?? "" },
    ...Object.fromEntries(known),
    ...(tagged === undefined || tagged.note === "" ? {} : { note: tagged.note }),
  };
}

function rounded(value: number): number {
  return Number(value.toFixed(6));
}

/** @returns The path relative to the dataset's folder. */
async function writeHeatmap(folder: string, { id, maps }: RunImage & { id: number }): Promise<string> {
  const parts = ["fields", "heatmap", String(Math.floor(id / FOLDER_FILES)).padStart(4, "0"), `${id}.png`];
  const side = grids.image;
  const raw = { width: side, height: side, channels: 1 as const };
  const png = await sharp(hottest(maps), { raw }).toColourspace("b-w").png().toBuffer();
  await mkdir(join(folder, ...parts.slice(0, -1)), { recursive: true });
  await writeParts(join(folder, ...parts), [png]);
  return parts.join("/");
}

function hottest(maps: readonly SmallMap[]): Uint8Array {
  const cells = new Uint8Array(grids.image ** 2);
  for (const { whole } of maps) for (let i = 0; i < cells.length; i++) cells[i] = Math.max(cells[i]!, whole[i]!);
  return cells;
}
