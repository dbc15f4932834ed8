import { resolve } from "node:path";
import { printable, WhyboxError } from "@whybox/core";
import type { Command } from "commander";
import { z } from "zod";
import { makeEvidence } from "../../evidence/make-evidence.js";
import { type Evidence, verdicts } from "../../evidence/schema.js";
import { type Verification, verifyBundle } from "../../evidence/verify.js";
import { writeReview } from "../../evidence/write-review.js";
import { stopIfAborted } from "../../stop-if-aborted.js";
import { count } from "../../words.js";
import type { CliContext } from "../context.js";
import { type ExitCode, exitCodes } from "../exit-codes.js";
import { printError } from "../failure.js";
import { choiceText, parseOptions, plainText } from "../option-schemas.js";
import { flagOf } from "../option-values.js";
import { createStages } from "../stages.js";
import { createTerminal, printDocument } from "../terminal.js";
import { typedPath } from "../text.js";

/** Most characters of a text in a bundle. */
const MAX_TEXT = 4000;

const statement = (expected: string) =>
  plainText(expected).refine((text) => text.length <= MAX_TEXT, `expected at most ${MAX_TEXT} characters.`);

/** Options of making a bundle. */
const making = {
  out: plainText("a folder").optional(),
  question: statement("a question").optional(),
  stakeholder: statement("who asks").optional(),
  licence: statement("a licence").optional(),
  sampling: statement("a sentence").optional(),
  check: plainText("a file of whybox check").optional(),
  withImages: z.boolean().default(false),
};

/** Options of a review. */
const reviewing = {
  reviewer: statement("a name").optional(),
  verdict: choiceText(verdicts).optional(),
  comment: statement("a text").optional(),
};

const schema = z.strictObject({
  ...making,
  verify: z.boolean().default(false),
  ...reviewing,
  json: z.boolean().default(false),
  quiet: z.boolean().default(false),
});

type Values = z.infer<typeof schema>;

export function addEvidence(program: Command, context: CliContext, done: (code: ExitCode) => void): void {
  program
    .command("evidence <folder>")
    .summary("make an evidence bundle of a run for an auditor, a safety case or a paper, or verify one")
    .description(
      "Makes one folder of a run: a page to read and to print, the same facts as JSON, the results, the maps, the measurements, and the\n" +
        "SHA-256 of every file. What was not stated, not measured or not checked is written down as a limit. With --verify, the folder is\n" +
        "a bundle, and everything in it is checked; the exit code is 9 when something is wrong. A heatmap is supporting evidence and no\n" +
        "proof. See docs/evidence.md.",
    )
    .option("--out <dir>", "folder of the bundle, which must be new or empty (required, except with --verify)")
    .option("--question <text>", "question that the evidence is about; default: not stated")
    .option("--stakeholder <text>", "who asks the question; default: not stated")
    .option(
      "--licence <text>",
      "licence of the model; default: that of weights that Whybox downloads. What the model file states is shown beside it",
    )
    .option("--sampling <text>", "how the images were chosen; default: not stated")
    .option("--check <file>", "JSON of whybox check, for the same model; default: not checked")
    .option("--with-images", "also copy the images; their digests are always in the bundle", false)
    .option("--verify", "verify the bundle in the folder", false)
    .option("--reviewer <name>", "verify the bundle, and write the reviewer's verdict into its review.json")
    .option(`--verdict <${verdicts.join("|")}>`, "verdict of the reviewer")
    .option("--comment <text>", "reasons of the reviewer")
    .option("--json", "with --verify: print the result as one JSON document, and nothing else", false)
    .option("--quiet", "print errors only", false)
    .addHelpText(
      "after",
      '\nExamples:\n  whybox evidence night --out bundle --question "Does the detector look at the animals?" --stakeholder "safety team"\n  whybox evidence night --out bundle --sampling "200 random images of the test set" --check check.json\n  whybox evidence --verify bundle\n  whybox evidence bundle --reviewer "A. Example" --verdict accepted-with-limits',
    )
    .action(async (folder: string, raw: unknown) => {
      const values = parseOptions(schema, raw);
      refuseMixtures(values);
      stopIfAborted(context.signal);
      const isBundle = values.verify || values.reviewer !== undefined;
      done(await (isBundle ? verify : make)(resolve(context.cwd, folder), values, context));
    });
}

/** @throws usage for options that do not belong together. */
function refuseMixtures(values: Values): void {
  const { verify, reviewer, verdict, json, out } = values;
  const isBundle = verify || reviewer !== undefined;
  const given = (names: object) =>
    Object.keys(names).filter((name) => ![undefined, false].includes(values[name as keyof Values] as undefined));
  const usage = (message: string) => new WhyboxError("usage", message);
  const foreign = given(making);
  if (isBundle && foreign.length > 0)
    throw usage(
      `${foreign.map(flagOf).join(", ")}: the folder is a bundle with --verify and --reviewer. Leave ${foreign.length === 1 ? "it" : "them"} out.`,
    );
  if ((reviewer === undefined) !== (verdict === undefined))
    throw usage("A review needs both --reviewer and --verdict.");
  if (reviewer === undefined && values.comment !== undefined)
    throw usage("--comment belongs to a review. It needs --reviewer and --verdict.");
  if (!isBundle && json) throw usage("--json belongs to --verify. The bundle has its facts in evidence.json.");
  if (!isBundle && out === undefined) throw usage("--out is missing. Give the folder of the bundle.");
}

async function make(folder: string, values: Values, context: CliContext): Promise<ExitCode> {
  const { cwd, version, signal } = context;
  const { question, stakeholder, licence, sampling, withImages, quiet } = values;
  const terminal = createTerminal(context, { quiet, json: false });
  const stages = createStages(context, { quiet });
  const out = resolve(cwd, values.out!);
  const services = await context.loadServices();
  const check = values.check === undefined ? undefined : resolve(cwd, values.check);
  const onProgress = (stage: keyof typeof stageTitles, done: number, total: number) =>
    stages.show(stageTitles[stage], done, total);
  const { evidence, digest } = await makeEvidence(
    { folder, out, question, stakeholder, licence, sampling, check, withImages, version, signal, onProgress },
    services,
  ).finally(() => stages.clear());
  for (const { text } of specialLimits(evidence)) terminal.notice(`limit: ${printable(text)}`);
  const { files, bytes } = evidence.contents;
  // With the document and the sums.
  terminal.print(
    `${printable(typedPath(out, cwd))}: ${count(files + 1, "file")} and SHA256SUMS, ${(bytes / 1e6).toFixed(1)} MB`,
  );
  terminal.print(`SHA-256 of SHA256SUMS: ${digest}`);
  return exitCodes.ok;
}

const stageTitles = { copying: "Copying", images: "Images", drawing: "Drawing" } as const;

/** The limits of this bundle, without those of all bundles. */
function specialLimits({ limits }: Evidence): Evidence["limits"] {
  return limits.filter(({ id }) => !["supporting-evidence", "these-images", "unsigned"].includes(id));
}

async function verify(folder: string, values: Values, context: CliContext): Promise<ExitCode> {
  const { cwd, signal } = context;
  const { reviewer, verdict, comment = null, quiet, json } = values;
  const terminal = createTerminal(context, { quiet, json });
  const stages = createStages(context, { quiet });
  const onProgress = (done: number, total: number) => stages.show("Verifying", done, total);
  const found = await verifyBundle(folder, { signal, onProgress }).finally(() => stages.clear());
  for (const { message } of found.problems) printError(printable(message), context);
  if (found.passed && reviewer !== undefined) {
    await writeReview({ folder, digest: found.digest, reviewer, verdict: verdict!, comment, now: new Date() });
  }
  if (json) printDocument(context, verificationDocument(found));
  if (!found.passed) return exitCodes.beyondLimits;
  terminal.print(`${printable(typedPath(folder, cwd))}: ${count(found.files, "file")}, all as in SHA256SUMS`);
  terminal.print(`SHA-256 of SHA256SUMS: ${found.digest}`);
  terminal.print(reviewText(reviewer === undefined ? found.review : { reviewer, verdict: verdict! }));
  return exitCodes.ok;
}

function reviewText(review: { readonly reviewer: string; readonly verdict: string } | undefined): string {
  return review === undefined ? "Not reviewed." : `Reviewed by ${printable(review.reviewer)}: ${review.verdict}.`;
}

/** The JSON of `--verify`, without its version and tool. */
function verificationDocument({ passed, problems, digest, files, evidence, review }: Verification) {
  const { question, model, run, limits } = evidence ?? {};
  return {
    ...{ passed, problems, sums: digest, files },
    bundle:
      evidence === undefined
        ? null
        : { question, run: run!.name, model: model!.sha256, limits: limits!.map(({ id }) => id) },
    review: review ?? null,
  };
}
