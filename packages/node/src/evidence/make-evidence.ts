import { jsonText, type RgbImage, WhyboxError } from "@whybox/core";
import type { CheckDocument, MeasurementSummary } from "@whybox/report";
import type { Services } from "../images/services.js";
import { type OpenRun, openRun } from "../report/read-run.js";
import { readMachines } from "../runs/machines.js";
import { boxGrid, imageGrid, runFiles } from "../runs/schema.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import { BundleFolder } from "./bundle-folder.js";
import { copyImages } from "./copy-images.js";
import { type CopiedRun, copyRun } from "./copy-run.js";
import { type DrawnMap, drawSampled } from "./draw-sampled.js";
import { limitsOf } from "./limits.js";
import { evidencePage } from "./page.js";
import { PublicNames } from "./public-names.js";
import { readCheck } from "./read-check.js";
import { copyMeasurements } from "./read-measurements.js";
import { checkFacts, modelFacts, runDigests, runFacts, samplingFacts } from "./run-facts.js";
import { sampleSeed } from "./sampled-maps.js";
import { type Evidence, evidenceFiles, evidenceSchema, evidenceSchemaVersion } from "./schema.js";
import { settingsFacts } from "./settings-facts.js";

export interface EvidenceOptions {
  /** Folder of the run. */
  readonly folder: string;
  /** Folder of the bundle. */
  readonly out: string;
  readonly question: string | undefined;
  readonly stakeholder: string | undefined;
  /** Licence of the model. */
  readonly licence: string | undefined;
  /** How the images were chosen, in words. */
  readonly sampling: string | undefined;
  /** Path of a document of `whybox check`. */
  readonly check: string | undefined;
  /** Whether the bundle contains the images. */
  readonly withImages: boolean;
  /** Version of this program. */
  readonly version: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (stage: "copying" | "images" | "drawing", done: number, total: number) => void;
}

type EvidenceServices = Pick<Services, "decodeImage">;

export interface MadeEvidence {
  readonly evidence: Evidence;
  /** SHA-256 of SHA256SUMS. */
  readonly digest: string;
}

/**
 * Makes the evidence bundle of a run. The same run and options give the same bytes.
 * @throws bad-input if the run, its measurements or the check are damaged or do not belong together; limit; output; aborted. On failure
 * nothing is left.
 */
export async function makeEvidence(options: EvidenceOptions, services: EvidenceServices): Promise<MadeEvidence> {
  const run = await openRun(options.folder);
  const check = options.check === undefined ? undefined : await readCheck(options.check, run.manifest.model.sha256);
  let evidence: Evidence | undefined;
  const digest = await BundleFolder.make(options.out, async (bundle) => {
    const collected = await collect(run, bundle, { options, check });
    evidence = await describe(collected, bundle, { options, services });
    stopIfAborted(options.signal);
  });
  return { evidence: evidence!, digest };
}

interface Collected {
  readonly run: OpenRun;
  readonly names: PublicNames;
  readonly digests: Evidence["run"]["files"];
  readonly copied: CopiedRun;
  readonly images: Evidence["images"];
  /** Number of images that were not copied because they are missing or have changed. */
  readonly changed: number;
  readonly measured: MeasurementSummary | undefined;
  readonly check: CheckDocument | undefined;
}

/** Copies what the run and the check contain. */
async function collect(
  run: OpenRun,
  bundle: BundleFolder,
  { options, check }: { readonly options: EvidenceOptions; readonly check: CheckDocument | undefined },
): Promise<Collected> {
  const { signal, onProgress = () => {}, withImages } = options;
  const names = new PublicNames(run.manifest);
  const digests = await runDigests(run);
  const onItem = (done: number) => onProgress("copying", done, run.manifest.items.count);
  const copied = await copyRun(run, bundle, { names, signal, onItem });
  if (copied.items.length === 0) {
    const message = `${run.folder} has no results yet. Continue the run first: whybox run --resume --out ${run.folder}`;
    throw new WhyboxError("bad-input", message, { details: { folder: run.folder } });
  }
  const measured = await copyMeasurements(run, bundle, { names, results: digests[runFiles.results]!.sha256 });
  if (check !== undefined) await bundle.add(evidenceFiles.check, [`${jsonText(check, 2)}\n`]);
  const onImage = (done: number) => onProgress("images", done, copied.items.length);
  const files = await copyImages(run, copied, bundle, { withImages, signal, onImage });
  return { run, names, digests, copied, ...files, measured, check };
}

/** Writes the page and the document. */
async function describe(
  collected: Collected,
  bundle: BundleFolder,
  { options, services }: { readonly options: EvidenceOptions; readonly services: EvidenceServices },
): Promise<Evidence> {
  const { run, names, digests, copied, images, measured, check } = collected;
  const { question = null, stakeholder = null, sampling, licence } = options;
  const machines = [...(await readMachines(run.folder))];
  const facts = {
    ...{ question, stakeholder, machines, images },
    run: runFacts(run, copied, { digests, machines }),
    model: modelFacts(run.manifest, licence),
    settings: settingsFacts(run.manifest),
    sampling: samplingFacts(run.manifest, names, sampling),
    failures: copied.failures,
    refusals: { ...copied.refusals },
    maps: {
      small: { file: evidenceFiles.maps, side: imageGrid, boxSide: boxGrid },
      raw: copied.rawMaps === 0 ? null : { files: copied.rawMaps },
    } as const,
  };
  const drawn = await drawMaps(collected, bundle, { options, services });
  const document: Omit<Evidence, "contents"> = {
    ...{ schemaVersion: evidenceSchemaVersion, kind: "evidence", tool: { name: "whybox", version: options.version } },
    ...facts,
    software: run.manifest.versions,
    measurements: measured === undefined ? null : sampleFacts(measured),
    check: check === undefined ? null : checkFacts(check),
    shown: {
      seed: sampleSeed,
      detections: drawn.map(({ sampled: { line, detection } }) => ({ item: line.item, detection })),
    },
    limits: limitsOf({ ...facts, measured, check, changed: collected.changed }),
  };
  await bundle.add(evidenceFiles.page, evidencePage({ evidence: document, measured, check, drawn }));
  const evidence = evidenceSchema.parse({ ...document, contents: bundle.contents });
  await bundle.add(evidenceFiles.document, [`${jsonText(evidence, 2)}\n`]);
  return evidence;
}

function sampleFacts({ sampled, measured, images, seed }: MeasurementSummary): Evidence["measurements"] {
  return { sampled, measured, images, seed };
}

/** Draws the sampled maps, over the images that are in the bundle. */
async function drawMaps(
  { copied, images }: Collected,
  bundle: BundleFolder,
  { options, services }: { readonly options: EvidenceOptions; readonly services: EvidenceServices },
): Promise<DrawnMap[]> {
  const { signal, onProgress } = options;
  const sample = copied.sample.list();
  const drawn: DrawnMap[] = [];
  for (const sampled of sample) {
    stopIfAborted(signal);
    onProgress?.("drawing", drawn.length, sample.length);
    const { file } = images[sampled.line.item]!;
    let image: RgbImage | undefined;
    if (file !== null) image = await services.decodeImage(bundle.path(file), { ...(signal && { signal }) });
    drawn.push(await drawSampled(sampled, image));
  }
  return drawn;
}
