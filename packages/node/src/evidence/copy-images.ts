import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { extname } from "node:path";
import { imageExtensions } from "../images/named-source.js";
import { stemOf } from "../images/output-names.js";
import { MAX_BYTES } from "../io/image-limits.js";
import { locate, type OpenRun } from "../report/read-run.js";
import { isCamera } from "../runs/sources/source-kind.js";
import { digestOf } from "../runs/success.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { BundleFolder } from "./bundle-folder.js";
import type { CopiedItem, CopiedRun } from "./copy-run.js";
import { type EvidenceImage, evidenceFiles } from "./schema.js";

export interface ImagesOptions {
  /** Whether to copy the images. */
  readonly withImages: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onImage: (done: number) => void;
}

/**
 * Lists the images of a run with their digests, and copies them if asked. An image is copied only if it has the digest that was recorded when
 * it was explained: so the folder of a run cannot name other files of this machine.
 */
export async function copyImages(
  run: OpenRun,
  { items }: CopiedRun,
  bundle: BundleFolder,
  { withImages, signal, onImage }: ImagesOptions,
): Promise<{ readonly images: EvidenceImage[]; readonly changed: number }> {
  const images: EvidenceImage[] = [];
  let changed = 0;
  for (const item of items) {
    stopIfAborted(signal);
    const path = pathOf(run, item);
    const digest = await digestFacts(item, path);
    const wanted = withImages && item.line.kind === "picture" && item.kind === "image";
    const file = wanted ? await copyImage(item, path, bundle) : null;
    if (wanted && file === null) changed++;
    images.push({ ...plainFacts(item), ...digest, file });
    onImage(images.length);
  }
  return { images, changed };
}

function plainFacts({ item, kind, line }: CopiedItem): Omit<EvidenceImage, "sha256" | "digestFrom" | "file"> {
  const facts = { item, kind, source: line.source };
  if (line.kind === "failure") return { ...facts, size: null, detections: 0, frames: null };
  const isVideo = line.kind === "video";
  const detections = isVideo ? line.detections : line.detections.length;
  return { ...facts, size: line.size, detections, frames: isVideo ? line.frames : null };
}

/** The path of an item's file on this machine; undefined for addresses and cameras. */
function pathOf(run: OpenRun, { source, kind }: CopiedItem): string | undefined {
  return kind === "stream" || isCamera(source) ? undefined : locate(run, source);
}

async function digestFacts(
  { line }: CopiedItem,
  path: string | undefined,
): Promise<Pick<EvidenceImage, "sha256" | "digestFrom">> {
  if (line.kind === "picture" && line.sha256 !== undefined) return { sha256: line.sha256, digestFrom: "run" };
  const isFile =
    path !== undefined &&
    (await stat(path).then(
      (entry) => entry.isFile(),
      () => false,
    ));
  const found = isFile ? await digestOf(path).catch(() => undefined) : undefined;
  return found === undefined ? { sha256: null, digestFrom: null } : { sha256: found.sha256, digestFrom: "bundle" };
}

/** Copies an image. Returns its path in the bundle; null if it is missing or has changed. */
async function copyImage(
  { item, line, source }: CopiedItem,
  path: string | undefined,
  bundle: BundleFolder,
): Promise<string | null> {
  if (path === undefined || line.kind !== "picture" || line.sha256 === undefined) return null;
  const bytes = await stat(path).then(
    (entry) => (entry.isFile() && entry.size <= MAX_BYTES ? readFile(path) : undefined),
    () => undefined,
  );
  if (bytes === undefined || createHash("sha256").update(bytes).digest("hex") !== line.sha256) return null;
  const folder = String(Math.floor(item / 1000)).padStart(4, "0");
  const ending = imageExtensions.find((one) => one === extname(source).toLowerCase()) ?? ".bin";
  const name = `${evidenceFiles.images}/${folder}/${item}-${stemOf(source)}${ending}`;
  await bundle.add(name, [bytes]);
  return name;
}
