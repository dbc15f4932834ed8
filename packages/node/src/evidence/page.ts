import type { CheckDocument, MeasurementSummary } from "@whybox/report";
import { escapeHtml, htmlHead, readPart } from "../report/html.js";
import { count } from "../words.js";
import type { DrawnMap } from "./draw-sampled.js";
import { factList, table } from "./page-parts.js";
import { pageStyle } from "./page-style.js";
import { checkSection, measurementSection } from "./page-tables.js";
import { type Evidence, evidenceFiles } from "./schema.js";

export interface PageContent {
  readonly evidence: Omit<Evidence, "contents">;
  readonly measured: MeasurementSummary | undefined;
  readonly check: CheckDocument | undefined;
  readonly drawn: readonly DrawnMap[];
}

/** Number of rows of a table of items on the page. The files have all. */
const SHOWN = 1000;

/** The page of a bundle, part by part: one file without scripts that loads nothing. */
export async function* evidencePage(content: PageContent): AsyncGenerator<string> {
  const { evidence, measured, check, drawn } = content;
  const style = `${await readPart("styles/base.css")}${pageStyle}`;
  const title = evidence.question ?? `Evidence of ${evidence.run.name}`;
  yield htmlHead({ title, style, images: drawn.length > 0 });
  yield `<main>\n${cover(content)}`;
  yield section("limits", "What this evidence cannot show", limits(evidence));
  yield section("made", "What was explained, and how", made(evidence));
  yield section("measured", "How faithful the maps are", measurementSection(measured));
  yield section("checked", "Whether the maps depend on the model", checkSection(check));
  yield section("maps", "A sample of the maps", sample(evidence, drawn));
  yield section("refused", "Failures and refusals", refused(evidence));
  yield section("review", "Review", review());
  yield section("images", "Appendix: images", images(evidence));
  yield section("files", "Appendix: files of the bundle", files(evidence));
  yield "</main>\n</body>\n</html>\n";
}

function section(id: string, title: string, body: string): string {
  return `<section aria-labelledby="${id}">\n<h2 id="${id}">${title}</h2>\n${body}</section>\n`;
}

function cover({ evidence, measured, check }: PageContent): string {
  const { question, stakeholder, run, model, settings, software, images } = evidence;
  const facts = factList([
    ["Asked by", stakeholder ?? "not stated"],
    ["Model", model.name],
    ["Method", settings.methodTitle ?? settings.method],
    ["Run", `${run.name}, ${run.ended === null ? "date not stated" : day(run.ended)}`],
    ["Explained", `${count(run.detections, "detection")} in ${count(images.length - run.failures, "item")}`],
    ["Made with", `Whybox ${software.whybox}`],
  ]);
  const heading =
    question === null ? '<span class="unstated">The question is not stated.</span>' : escapeHtml(question);
  return `<header>
<p class="kind">Evidence bundle</p>
<h1>${heading}</h1>
<p class="lead">Heatmaps are supporting evidence and no proof.</p>
${facts}
${status(evidence, measured, check)}</header>
`;
}

/** What was done and what was not, at a glance. */
function status(
  { run, images, settings }: PageContent["evidence"],
  measured: MeasurementSummary | undefined,
  check: CheckDocument | undefined,
): string {
  const own = check?.methods.find(({ method }) => method === settings.method);
  const known = images.filter(({ digestFrom }) => digestFrom === "run").length;
  const cells: [string, string, boolean][] = [
    ["Run", run.finished ? "finished" : `${run.done} of ${run.items} items`, run.finished],
    ["Digests of images", `${known} of ${images.length} taken when explained`, known === images.length],
    [
      "Faithfulness",
      measured === undefined
        ? "not measured"
        : `measured, n = ${measured.measured} in ${count(measured.images, "image")}`,
      measured !== undefined,
    ],
    ["Sanity checks", own === undefined ? "not done" : verdictText(own.verdict), own?.verdict === "pass"],
  ];
  const items = cells.map(
    ([name, text, good]) =>
      `<li class="${good ? "is-done" : "is-open"}"><span>${name}</span><strong>${escapeHtml(text)}</strong></li>`,
  );
  return `<ul class="status">${items.join("")}</ul>\n`;
}

function verdictText(verdict: string): string {
  return verdict === "pass" ? "passed" : verdict === "fail" ? "failed" : "not decided";
}

function limits({ limits }: PageContent["evidence"]): string {
  const items = limits.map(({ id, text }) => `<li>${withFlags(escapeHtml(text))} <code>${id}</code></li>`);
  return `<ol class="limits">${items.join("\n")}</ol>\n`;
}

/** Flags in a text stay in one line. @param html safe markup. */
function withFlags(html: string): string {
  return html.replace(/--[a-z]+(-[a-z]+)*/g, '<span class="flag">$&</span>');
}

function made({ model, settings, software, machines, run }: PageContent["evidence"]): string {
  const classes = `${count(model.classNames.length, "class", "classes")}`;
  const modelFacts = factList([
    ["Model", model.name],
    ["SHA-256", model.sha256, "digest"],
    ["Format", `${model.format}, opset ${model.opset}, ${megabytes(model.bytes)}`],
    ["Precision", precisionText(model)],
    ["Licence", licenceText(model)],
    ["Task", `${model.task}, ${classes}`],
  ]);
  const methodFacts = factList([
    ["Method", [settings.methodTitle ?? settings.method, settings.methodSource].filter(Boolean).join(". ")],
    ["Layers", settings.layers],
    ["Score", settings.scores.map(({ id, title }) => `${title} (${id})`).join(", ")],
    ["Seed", String(settings.seed)],
    ["Values", settings.normalisation],
    ["Detection", detectionText(settings.explain)],
    ["Input", settings.input === null ? "as detected from the model" : JSON.stringify(settings.input)],
  ]);
  const machineFacts = machines.flatMap((machine, index) => [
    [
      machines.length === 1 ? "Machine" : `Machine ${index + 1}`,
      `${machine.cpu}, ${count(machine.cores, "core")}, ${(machine.memory / 2 ** 30).toFixed(1)} GB; ${machine.os} ${machine.release} (${machine.arch}); Node ${machine.node}`,
    ] as const,
    ["Worked", `${moment(machine.first)} to ${moment(machine.last)}`] as const,
  ]);
  const runFacts = factList([
    ["Software", `Whybox ${software.whybox}, ONNX Runtime ${software.onnxruntime}, sharp ${software.sharp}`],
    ["Runs on", `${settings.device}, ${count(settings.threads, "thread")} in each session`],
    ...(machineFacts.length === 0 ? [["Machine", "not stated"] as const] : machineFacts),
    ...Object.entries(run.files).map(([name, { sha256 }]) => [`Run’s ${name}`, sha256, "digest"] as const),
  ]);
  return `<h3>Model</h3>${modelFacts}<h3>Explanation</h3>${methodFacts}<h3>Runtime</h3>${runFacts}`;
}

function precisionText({ precision, storedPrecision }: Evidence["model"]): string {
  if (precision === null) return "not stated";
  return storedPrecision === null || storedPrecision === precision
    ? precision
    : `${precision}; most weights are stored as ${storedPrecision}`;
}

function licenceText({ licence, licenceFrom, licenceInFile }: Evidence["model"]): string {
  const given = licenceFrom === "option" ? `${licence} (stated for this bundle)` : licence;
  const own = licenceInFile === null ? null : `${licenceInFile} (stated by the file)`;
  return [given, own].filter((text) => text !== null).join("; ") || "not stated";
}

function detectionText({ confidence, iou, imageSize }: Evidence["settings"]["explain"]): string {
  const size = Array.isArray(imageSize) ? imageSize.join(" × ") : "the model’s own, or 640";
  return `confidence of at least ${confidence}, IoU of NMS ${iou}, input size ${size}`;
}

function sample({ shown, maps }: PageContent["evidence"], drawn: readonly DrawnMap[]): string {
  if (drawn.length === 0) return "<p>The run has no map of a single detection.</p>\n";
  const stored =
    maps.raw === null
      ? `The maps of all detections are in ${evidenceFiles.maps}.`
      : `The maps of all detections are in ${evidenceFiles.maps}, and in full resolution in ${count(maps.raw.files, "file")} (.npy).`;
  const figures = drawn.map(({ sampled: { line, detection }, url }) => {
    const { name, score, heat } = line.detections[detection]!;
    const inBox = heat === null ? "" : `, ${Math.round(100 * heat.inBox)} % of the heat in the box`;
    const text = escapeHtml(`${name} ${score.toFixed(2)}${inBox}`);
    return `<figure><img src="${url}" alt="Heatmap of ${escapeHtml(name)} in ${escapeHtml(line.source)}"><figcaption>${text}<br><span class="faint">${escapeHtml(line.source)}, detection ${detection}</span></figcaption></figure>`;
  });
  return `<p>${count(drawn.length, "detection")} drawn at random (seed ${shown.seed}), not chosen by eye. ${stored}</p>
<div class="maps">${figures.join("\n")}</div>\n`;
}

function refused({ failures, refusals, images }: PageContent["evidence"]): string {
  const counts = table(
    [{ title: "what" }, { title: "number", align: "right" }],
    [
      [`Items that could not be explained, of ${images.length}`, String(failures.length)],
      ["Images and frames without a detection", String(refusals.withoutDetections)],
      ["Detections with a map that is zero everywhere", String(refusals.emptyMaps)],
      ["Detections without an own map", String(refusals.withoutOwnMap)],
      ["Detections with a gradient of exactly zero at a layer", String(refusals.blind)],
      ...(refusals.carried === 0 ? [] : [["Frames with the maps of another frame", String(refusals.carried)]]),
    ],
  );
  if (failures.length === 0) return counts;
  const listed = failures.slice(0, SHOWN).map(({ source, code, message }) => [source, code, message]);
  const rest = failures.length - listed.length;
  return `${counts}${table([{ title: "item" }, { title: "code" }, { title: "message" }], listed)}${more(rest)}`;
}

function images({ images, sampling }: PageContent["evidence"]): string {
  const facts = factList([
    ["Chosen", sampling.stated ?? "not stated"],
    ...sampling.inputs.map(({ kind, name }) => [`Given ${kind}`, name] as const),
    ...(sampling.inputs.some(({ kind }) => kind === "folder")
      ? [["Subfolders", sampling.recursive ? "included" : "not included"] as const]
      : []),
    ...(sampling.split === null ? [] : [["Split", sampling.split] as const]),
  ]);
  const rows = images
    .slice(0, SHOWN)
    .map(({ item, source, sha256, digestFrom, size, detections, frames }) => [
      String(item),
      source,
      size === null ? "failed" : `${size[1]} × ${size[0]}${frames === null ? "" : `, ${count(frames, "frame")}`}`,
      String(detections),
      sha256 === null ? "not known" : `${sha256}${digestFrom === "bundle" ? " (taken when the bundle was made)" : ""}`,
    ]);
  const columns = [
    { title: "item", align: "right" },
    { title: "source" },
    { title: "size" },
    { title: "detections", align: "right" },
    { title: "SHA-256", kind: "digest" },
  ] as const;
  return `${facts}${table(columns, rows)}${more(images.length - rows.length)}`;
}

function more(rest: number): string {
  return rest > 0 ? `<p class="hint">… and ${rest} more in ${evidenceFiles.document}.</p>\n` : "";
}

function review(): string {
  const fields = ["Name", "Organisation", "Date", "Verdict", "Reasons", "Signature"];
  return `<p>To be filled in by the reviewer, on paper or with <code>${withFlags("whybox evidence FOLDER --reviewer NAME --verdict VERDICT")}</code>, which writes ${evidenceFiles.review} beside this page.</p>
<dl class="form">${fields.map((field) => `<div${field === "Reasons" ? ' class="is-tall"' : ""}><dt>${field}</dt><dd></dd></div>`).join("")}</dl>\n`;
}

function files({ measurements, check, maps, images }: PageContent["evidence"]): string {
  const named: (readonly [string, string])[] = [
    [evidenceFiles.document, "this page as data, with all options, images and limits"],
    [
      evidenceFiles.results,
      "one line per item: its detections with boxes, scores and where their heat lies, or why it failed",
    ],
    [evidenceFiles.maps, `the maps in ${maps.small.side} × ${maps.small.side} cells of 8 bits`],
    ...(maps.raw === null ? [] : [["files/", "the maps in full resolution (.npy, float32)"] as const]),
    ...(images.some(({ file }) => file !== null) ? [[`${evidenceFiles.images}/`, "the images"] as const] : []),
    ...(measurements === null
      ? []
      : [
          [evidenceFiles.measurementSummary, "the figures of the measured sample"] as const,
          [evidenceFiles.measurements, "the measurements of each detection of the sample"] as const,
        ]),
    ...(check === null ? [] : [[evidenceFiles.check, "the sanity checks"] as const]),
    [evidenceFiles.sums, "the SHA-256 of every file"],
  ];
  return `${table([{ title: "file" }, { title: "content" }], named)}<p>Check the bundle with <code>whybox evidence --verify FOLDER</code>, or its digests alone with <code>sha256sum -c ${evidenceFiles.sums}</code> in the folder.</p>\n`;
}

function day(time: string): string {
  return time.slice(0, 10);
}

/** "2026-11-30 00:18 UTC". */
function moment(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
