import { detectOptions, WhyboxError } from "@whybox/core";
import type { OpenRun } from "../report/read-run.js";
import { type Difference, differences } from "../runs/manifest.js";

/**
 * Compares the options of two runs. Maps of different methods or layers cannot be compared. Other differences give notes.
 * @throws usage: names each option of the explanation that differs; for a classifier and a detector.
 */
export function refuseUnlike(first: OpenRun, second: OpenRun): string[] {
  const [a, b] = [first.manifest, second.manifest];
  if ((a.model.task === "classify") !== (b.model.task === "classify")) {
    const message = "One of the runs has a classifier and the other a detector, so there are no pairs to compare.";
    throw new WhyboxError("usage", `${message} Compare models of the same task.`);
  }
  const explain = differences(a.options.explain, b.options.explain);
  const isDetection = ({ entry }: Difference) => Object.hasOwn(detectOptions, entry.split(".")[0]!);
  const refused = explain.filter((one) => !isDetection(one));
  if (refused.length > 0) {
    const message = `The runs have different options, so their maps cannot be compared: ${listed(refused)}. Run both with the same options.`;
    throw new WhyboxError("usage", message, { details: { differences: refused } });
  }
  const sources = (["vidStride", "mapStride", "maxFrames"] as const).flatMap((name) =>
    differences(a.options[name], b.options[name], name),
  );
  const others = [...explain, ...differences(a.options.input, b.options.input, "input"), ...sources];
  const versions = differences(a.versions, b.versions, "versions");
  return [
    ...(others.length === 0 ? [] : [`The runs have different options: ${listed(others)}.`]),
    ...(versions.length === 0 ? [] : [`The runs were made with different versions: ${listed(versions)}.`]),
    ...(a.model.sha256 === b.model.sha256 ? ["Both runs have the same model."] : []),
  ];
}

/** "method was "GradCAM", now "ODAM"; layer …". */
function listed(found: readonly Difference[]): string {
  return found.map(({ entry, was, now }) => `${entry} is ${was} in the first and ${now} in the second`).join("; ");
}
