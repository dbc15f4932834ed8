import { join, resolve } from "node:path";
import { WhyboxError } from "@whybox/core";
import type { CheckDocument } from "@whybox/report";
import type { OpenRun } from "../report/read-run.js";
import { damagedRun } from "../runs/damage.js";
import { type Manifest, type RunMachine, runFiles } from "../runs/schema.js";
import { digestOf, readSuccess } from "../runs/success.js";
import type { CopiedRun } from "./copy-run.js";
import { bareName, type PublicNames } from "./public-names.js";
import type { Evidence } from "./schema.js";

type Digests = Evidence["run"]["files"];

/** The digests of the run's files. @throws bad-input if they are not those that the run recorded. */
export async function runDigests({ folder, manifest, finished }: OpenRun): Promise<Digests> {
  const mark = finished ? await readSuccess(folder) : undefined;
  const digests: Digests = {};
  for (const name of [runFiles.manifest, runFiles.items, runFiles.results, runFiles.maps]) {
    digests[name] = await digestOf(join(folder, name)).catch((cause: unknown) => {
      throw new WhyboxError("bad-input", `Cannot read ${join(folder, name)}: ${(cause as Error).message}`, { cause });
    });
  }
  const recorded = { [runFiles.items]: manifest.items, ...mark?.files };
  for (const [name, { sha256 }] of Object.entries(recorded)) {
    if (digests[name]?.sha256 !== sha256) {
      throw damagedRun(join(folder, name), "its digest differs from the one that the run recorded", folder);
    }
  }
  return digests;
}

export function runFacts(
  { folder, manifest, finished }: OpenRun,
  { items, failures, detections }: CopiedRun,
  { digests, machines }: { readonly digests: Digests; readonly machines: readonly RunMachine[] },
): Evidence["run"] {
  const times = machines.flatMap(({ first, last }) => [first, last]).sort();
  return {
    name: bareName(resolve(folder)),
    ...{ began: times[0] ?? null, ended: times.at(-1) ?? null, finished },
    ...{ items: manifest.items.count, done: items.length, failures: failures.length, detections },
    files: digests,
  };
}

/** @param licence the licence as the user states it. */
export function modelFacts({ model, options }: Manifest, licence: string | undefined): Evidence["model"] {
  const { precision = null, storedPrecision = null, licenceInFile = null, hasObjectness: _, ...facts } = model;
  const from = licence !== undefined ? "option" : model.licence !== null ? "weights" : null;
  return {
    name: bareName(options.weights),
    ...facts,
    ...{ precision, storedPrecision, licenceInFile, licence: licence ?? model.licence, licenceFrom: from },
  };
}

export function samplingFacts(
  { inputs, listing }: Manifest,
  names: PublicNames,
  stated: string | undefined,
): Evidence["sampling"] {
  return {
    stated: stated ?? null,
    inputs: inputs.map(({ kind, given }) => ({ kind, name: names.input(given) })),
    recursive: listing.recursive,
    split: inputs.some(({ kind }) => kind === "yolo") ? listing.split : null,
  };
}

export function checkFacts({ verdict, methods, images, options }: CheckDocument): Evidence["check"] {
  return {
    verdict,
    methods: methods.filter(({ isControl }) => !isControl).map(({ method }) => method),
    images: images.checked.length,
    seed: options.seed,
  };
}
