import { createHash } from "node:crypto";
import { appendFile, cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeModel } from "@whybox/core";
import {
  type CheckDocument,
  type CheckedMethod,
  checkIds,
  type MeasurementLine,
  summarizeMeasurements,
} from "@whybox/report";
import { beforeAll, describe, expect, it } from "vitest";
import { tameModel } from "../../../core/test/support/mini-detector.js";
import { type Evidence, evidenceFiles, evidenceSchema, limitIds, reviewSchema } from "../../src/evidence/schema.js";
import { decodeImage } from "../../src/io/decode-image.js";
import { createWorld } from "../cli/fake-world.js";
import { contents, miniOptions, putImages, runWorld } from "../runs/world.js";
import { whybox } from "../support/launch.js";

const hostile = `p/<img src=x onerror=alert(1)>\u202e.png`;

/** What the metadata of the model states. */
const hostileLicence = `<b>free</b>\u202e\n${"x".repeat(9000)}`;

let cwd: string;
beforeAll(async () => {
  cwd = await runWorld();
  const model = tameModel();
  const metadata = new Map([...model.metadata, ["license", hostileLicence]]);
  await writeFile(join(cwd, "mini.onnx"), encodeModel({ ...model, metadata }));
  await putImages(cwd, ["p/a.png", "p/b.png", hostile]);
  await writeFile(join(cwd, "p/bad.jpg"), "I am no image.");
  const argv = ["run", join(cwd, "p"), "--out", "night", ...miniOptions, "--save", "npy", "png"];
  expect(await whybox(argv, { cwd: await parent() })).toMatchObject({ code: 0 });
  expect((await evidence("night", "--out", "bundle", ...statements)).code).toBe(0);
});

/** A folder below which the images are not, so that the run has absolute sources. */
async function parent(): Promise<string> {
  const folder = join(cwd, "work");
  await mkdir(folder, { recursive: true });
  await cp(join(cwd, "mini.onnx"), join(folder, "mini.onnx"));
  return folder;
}

const statements = [
  "--question",
  "Why <b>there</b>?",
  "--stakeholder",
  "auditor",
  "--sampling",
  "all",
  "--licence",
  "MIT",
];

/** Runs the command beside the run. */
async function evidence(...argv: string[]) {
  const world = createWorld({
    cwd: join(cwd, "work"),
    services: { decodeImage: (source) => decodeImage(source as string) },
  });
  return { code: await world.run("evidence", ...argv), stdout: world.stdout(), stderr: world.stderr() };
}

const path = (...names: string[]) => join(cwd, "work", ...names);
const text = (...names: string[]) => readFile(path(...names), "utf8");
const document = async (bundle = "bundle"): Promise<Evidence> =>
  evidenceSchema.parse(JSON.parse(await text(bundle, evidenceFiles.document)));
const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

/** Writes SHA256SUMS again, as somebody would who hides a change. */
async function sumAgain(bundle: string): Promise<void> {
  const names = (await text(bundle, evidenceFiles.sums))
    .trimEnd()
    .split("\n")
    .map((line) => line.slice(66));
  const lines = await Promise.all(
    names.map(async (name) => `${sha256(await readFile(path(bundle, name)))}  ${name}\n`),
  );
  await writeFile(path(bundle, evidenceFiles.sums), lines.join(""));
}

/** One measured detection of each image. */
function measurementLines(images: Evidence["images"]): MeasurementLine[] {
  const curve = { fractions: [0, 1], scores: [1, 0] };
  const curves = (overAll: number) => ({ deletion: curve, insertion: curve, overAll });
  const figures = (overAll: number) => ({ ...curves(overAll), withinBox: curves(overAll) });
  const regions = (overAll: number) => ({ ...figures(overAll), removal: 0.1, sufficient: 0.1, sufficientOverBox: 0.5 });
  return images.map(({ item, source }, number) => ({
    ...{ v: 1, number, item, source: join(cwd, source), detection: 0, class: 0, name: "dog", score: 0.9 },
    ...{ confidence: "high", area: 0.1, size: "medium", error: null },
    measured: {
      ...{ detections: [0], className: "dog", score: 0.9, images: 70 },
      ...{ map: regions(0.5 + number / 10), gaussian: regions(0.5), random: figures(0) },
    },
  }));
}

/** What `whybox check` prints for a method that fails a check. */
function checkOf(digest: string): CheckDocument {
  const nothing = { correlation: null, changed: null, beyondBox: null, same: null, stages: null, withoutHeat: null };
  const figures = { verdict: "fail", maps: 3, images: 1, ...nothing, why: null } as const;
  const checks = Object.fromEntries(checkIds.map((id) => [id, figures])) as unknown as CheckedMethod["checks"];
  const method: Omit<CheckedMethod, "method"> = {
    ...{ title: "Grad-CAM", isControl: false, checks },
    verdict: "fail",
    sentence: "its maps <do> not depend on the class",
  };
  const source = "/home/me/a.jpg";
  return {
    ...{ schemaVersion: 1, kind: "check", tool: { name: "whybox", version: "9.9.9" } },
    options: { seed: 0, limit: 3, methods: ["GradCAM"], noise: 0.02, confidence: 0.25, imageSize: null },
    model: { source: "/home/me/best.onnx", sha256: digest, bytes: 1, format: "onnx", licence: null },
    images: {
      ...{ found: 2, checked: [{ source, sha256: digest }], empty: ["/home/me/b.jpg"] },
      ...{ failures: [{ source: "c.jpg", message: "/home/me/c.jpg is text" }], chosenBy: "In order." },
    },
    detections: [
      {
        ...{ source, index: 0, className: "dog", confidence: 0.9, box: [0, 0, 8, 8] },
        ...{ otherClass: null, otherDetection: null },
      },
    ],
    randomisation: { refused: null, stages: [] },
    rules: [{ check: "class-swap", title: "class swap", question: "Does it change?", rule: "Passes if it does." }],
    ...{ refused: [], limits: [], maps: [] },
    methods: [
      { ...method, method: "GradCAM" },
      { ...method, method: "gaussian", isControl: true },
    ],
    ...{ verdict: "fail", control: "fail" as const },
  };
}

describe("whybox evidence", () => {
  it("makes a bundle with all facts of the run, whose files have the digests of SHA256SUMS", async () => {
    const found = await document();
    const licenceInFile = expect.stringMatching(/^<b>free<\/b>\\u202e\\x0ax{187}… \[9013 characters\]$/);
    expect(found).toMatchObject({
      ...{ kind: "evidence", question: "Why <b>there</b>?", stakeholder: "auditor" },
      run: { name: "night", finished: true, items: 4, done: 4, failures: 1 },
      model: {
        name: "mini.onnx",
        format: "onnx",
        precision: "float32",
        licence: "MIT",
        licenceFrom: "option",
        licenceInFile,
      },
      settings: { method: "GradCAM", seed: 0, explain: { per: "detection", confidence: 0.01 } },
      sampling: { stated: "all", inputs: [{ kind: "folder", name: "p" }] },
      ...{ measurements: null, check: null },
    });
    expect(found.machines).toMatchObject([{ node: process.version }]);
    expect(found.model.sha256).toBe(sha256(await readFile(path("mini.onnx"))));
    expect(found.run.files["results.jsonl"]!.sha256).toBe(sha256(await readFile(path("night/results.jsonl"))));
    const image = found.images.find(({ source }) => source === "p/a.png")!;
    expect(image).toMatchObject({ digestFrom: "run", size: [64, 64], file: null });
    expect(image.sha256).toBe(sha256(await readFile(join(cwd, "p/a.png"))));
    expect(found.failures).toMatchObject([{ source: "p/bad.jpg", code: "bad-input" }]);
    const sums = (await text("bundle", evidenceFiles.sums)).trimEnd().split("\n");
    const files = Object.keys(await contents(path("bundle")));
    expect(sums.map((line) => line.slice(66)).sort()).toEqual(files.filter((name) => name !== "SHA256SUMS").sort());
    for (const line of sums) expect(sha256(await readFile(path("bundle", line.slice(66))))).toBe(line.slice(0, 64));
    // The raw maps, and no images.
    expect(found.maps.raw).toEqual({ files: files.filter((name) => name.endsWith(".npy")).length });
    expect(found.maps.raw!.files).toBeGreaterThan(3);
    expect(files.filter((name) => name.endsWith(".png"))).toEqual([]);
  });

  it("says in words and by name what was not done and not stated", async () => {
    const { code, stderr } = await evidence("night", "--out", "plain");
    expect([code, stderr]).toEqual([0, expect.stringContaining("limit: Not measured: ")]);
    const ids = (await document("plain")).limits.map(({ id }) => id);
    const absent = ["question-not-stated", "stakeholder-not-stated", "sampling-not-stated"] as const;
    for (const id of [
      "supporting-evidence",
      "few-images",
      "failures",
      "not-measured",
      "not-checked",
      ...absent,
    ] as const)
      expect(ids).toContain(id);
    expect(ids).not.toContain("digests-missing");
    expect(ids).not.toContain("licence-not-stated");
    const page = await text("plain/index.html");
    for (const id of ids) expect(page).toContain(id);
    expect(page).toContain("The question is not stated.");
    expect(page).toMatch(
      /<dd>&#60;b&#62;free&#60;\/b&#62;\\u202e\\x0ax{187}… \[9013 characters\] \(stated by the file\)<\/dd>/,
    );
    expect(await text("bundle/index.html")).toContain("<dd>MIT (stated for this bundle); &#60;b&#62;free");
    expect((await document()).limits.map(({ id }) => id)).not.toContain("question-not-stated");
  });

  it("makes the same bytes again, and no other ones with images beside them", async () => {
    await evidence("night", "--out", "again", ...statements);
    expect(await contents(path("again"))).toEqual(await contents(path("bundle")));
    expect((await evidence("night", "--out", "images", "--with-images")).code).toBe(0);
    const { images } = await document("images");
    expect(images.filter(({ file }) => file !== null)).toHaveLength(3);
    for (const { file, sha256: digest } of images)
      if (file !== null) expect(sha256(await readFile(path("images", file)))).toBe(digest);
    expect((await evidence("images", "--verify")).code).toBe(0);
  });

  it("tells no folder of the machine, and shows hostile text as text", async () => {
    for (const name of ["evidence.json", "results.jsonl", "maps.jsonl", "index.html"])
      expect(await text("bundle", name)).not.toContain(cwd);
    const page = await text("bundle/index.html");
    expect(page).not.toContain("<img src=x");
    expect(page).not.toContain("<b>there</b>");
    expect(page).not.toContain("\u202e");
    expect(page).toContain("&#60;img src=x onerror=alert(1)&#62;\\u202e.png");
    expect(page).not.toMatch(/<script|<link|https?:\/\//);
    expect(page).toContain("default-src 'none'");
  });

  it("records that a run is not finished", async () => {
    await cp(path("night"), path("half"), { recursive: true });
    await rm(path("half/_SUCCESS"));
    const lines = (await text("half/results.jsonl")).split("\n");
    await writeFile(path("half/results.jsonl"), `${lines[0]}\n${lines[1]!.slice(0, 40)}`);
    expect((await evidence("half", "--out", "partial")).code).toBe(0);
    const { run, limits } = await document("partial");
    expect(run).toMatchObject({ finished: false, items: 4, done: 1 });
    expect(limits.find(({ id }) => id === "unfinished")!.text).toContain("1 of 4 items");
    expect((await evidence("partial", "--verify")).code).toBe(0);
  });

  it("takes the digests of images when a run of an older version has none, and says so", async () => {
    await cp(path("night"), path("old"), { recursive: true });
    const results = (await text("old/results.jsonl")).replaceAll(/"sha256":"[0-9a-f]{64}",/g, "");
    await writeFile(path("old/results.jsonl"), results);
    const mark = JSON.parse(await text("old/_SUCCESS"));
    mark.files["results.jsonl"] = { bytes: Buffer.byteLength(results), sha256: sha256(results) };
    await writeFile(path("old/_SUCCESS"), JSON.stringify(mark));
    await rm(path("old/machines.json"));
    const manifest = JSON.parse(await text("old/manifest.json"));
    delete manifest.model.licenceInFile;
    await writeFile(path("old/manifest.json"), JSON.stringify(manifest));
    expect((await evidence("old", "--out", "late", "--with-images")).code).toBe(0);
    const { images, limits, machines } = await document("late");
    expect(images.map(({ digestFrom, file }) => [digestFrom, file])).toEqual(Array(4).fill(["bundle", null]));
    expect(machines).toEqual([]);
    for (const id of ["digests-taken-later", "machine-not-stated", "images-changed", "licence-not-stated"])
      expect(limits.map((limit) => limit.id)).toContain(id);
  });

  it("contains the figures of a measured run, and refuses those of other results", async () => {
    await cp(path("night"), path("measuring"), { recursive: true });
    const results = sha256(await readFile(path("night/results.jsonl")));
    const lines = measurementLines((await document()).images.filter(({ size }) => size !== null));
    const figures = summarizeMeasurements(lines, { asked: 3, seed: 0, candidates: 9, results });
    await writeFile(path("measuring/measurements.json"), JSON.stringify(figures));
    await writeFile(path("measuring/measurements.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    expect((await evidence("measuring", "--out", "measured")).code).toBe(0);
    const { measurements, limits } = await document("measured");
    expect(measurements).toMatchObject({ sampled: 3, seed: 0 });
    expect(limits.map(({ id }) => id)).toContain("few-measured-images");
    expect(limits.map(({ id }) => id)).not.toContain("not-measured");
    const summary = JSON.parse(await text("measured/measurements.json"));
    const page = await text("measured/index.html");
    expect(summary.sentences.length).toBeGreaterThan(2);
    for (const sentence of summary.sentences as string[]) expect(page).toContain(sentence);
    expect(await text("measured/measurements.jsonl")).not.toContain(cwd);
    expect((await evidence("measured", "--verify")).code).toBe(0);
    await writeFile(path("measured/measurements.jsonl"), (await text("measured/measurements.jsonl")).split("\n")[0]!);
    await sumAgain("measured");
    const shorter = await evidence("measured", "--verify");
    expect([shorter.code, shorter.stderr]).toEqual([9, expect.stringMatching(/number of lines is 1, and .* says 3/)]);
    const other = JSON.stringify({ ...summary, results: "0".repeat(64) });
    await writeFile(path("measuring/measurements.json"), other);
    const refused = await evidence("measuring", "--out", "x");
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringMatching(/measures other results than those/)]);
  });

  it("contains the sanity checks of the same model, without folders of the machine", async () => {
    const { model } = await document();
    await writeFile(path("check.json"), JSON.stringify(checkOf(model.sha256)));
    expect((await evidence("night", "--out", "checked", "--check", "check.json")).code).toBe(0);
    const { check, limits } = await document("checked");
    expect(check).toEqual({ verdict: "fail", methods: ["GradCAM"], images: 1, seed: 0 });
    expect(limits.find(({ id }) => id === "check-failed")!.text).toContain("its maps <do> not depend on the class");
    expect(await text("checked/check.json")).not.toContain("/home/me");
    expect(await text("checked/index.html")).toContain("its maps &#60;do&#62; not depend on the class");
    expect((await evidence("checked", "--verify")).code).toBe(0);
    await writeFile(path("checked/check.json"), JSON.stringify(checkOf("0".repeat(64))));
    await sumAgain("checked");
    expect((await evidence("checked", "--verify")).stderr).toMatch(/check\.json: the digest of the model is 0{64}/);
    await writeFile(path("other.json"), JSON.stringify(checkOf("0".repeat(64))));
    const other = await evidence("night", "--out", "x", "--check", "other.json");
    expect([other.code, other.stderr]).toEqual([3, expect.stringMatching(/other\.json checks another model/)]);
  });

  it.each([
    [["night"], 2, /--out is missing/],
    [["night", "--out", "x", "--json"], 2, /--json belongs to --verify/],
    [
      ["bundle", "--verify", "--question", "why", "--with-images"],
      2,
      /--question, --with-images: the folder is a bundle/,
    ],
    [["bundle", "--reviewer", "me"], 2, /needs both --reviewer and --verdict/],
    [["night", "--out", "x", "--comment", "fine"], 2, /--comment belongs to a review/],
    [["night", "--out", "bundle"], 6, /bundle is not empty/],
    [["night", "--out", "mini.onnx"], 6, /mini\.onnx/],
    [["gone", "--out", "x"], 3, /gone is not the folder of a run/],
    [["night", "--verify"], 3, /night is not an evidence bundle: it has no SHA256SUMS/],
    [["night", "--out", "x", "--check", "mini.onnx"], 3, /mini\.onnx is not the JSON of whybox check/],
  ])("refuses %j and leaves nothing behind", async (argv, code, message) => {
    const before = await readdir(path());
    const ended = await evidence(...argv);
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringMatching(message)]);
    expect(await readdir(path())).toEqual(before);
  });

  it("refuses a text that is too long", async () => {
    const { code, stderr } = await evidence("night", "--out", "x", "--question", "y".repeat(5000));
    expect([code, stderr]).toEqual([2, expect.stringMatching(/--question: expected at most 4000 characters/)]);
  });

  it("refuses a damaged run", async () => {
    await cp(path("night"), path("damaged"), { recursive: true });
    const results = await text("damaged/results.jsonl");
    await writeFile(path("damaged/results.jsonl"), results.replace('"score":0', '"score":1'));
    const { code, stderr } = await evidence("damaged", "--out", "x");
    expect([code, stderr]).toEqual([3, expect.stringMatching(/results\.jsonl is damaged: its digest differs/)]);
    await writeFile(path("damaged/results.jsonl"), results);
    const [npy] = (await readdir(path("damaged/files/0000"))).filter((name) => name.endsWith(".npy"));
    await rm(path("damaged/files/0000", npy!));
    await symlink(path("mini.onnx"), path("damaged/files/0000", npy!));
    expect(await evidence("damaged", "--out", "x")).toMatchObject({ code: 3 });
    expect(await readdir(path())).not.toContain("x");
  });

  it("leaves nothing half-written when it is stopped", async () => {
    const stop = new AbortController();
    const services = {
      decodeImage: async (source: unknown) => {
        stop.abort(new Error("Ctrl-C"));
        return decodeImage(source as string);
      },
    };
    const before = await readdir(path());
    const world = createWorld({ cwd: path(), services, signal: stop.signal });
    expect(await world.run("evidence", "night", "--out", "stopped", "--with-images")).toBe(130);
    expect(await readdir(path())).toEqual(before);
  });
});

describe("whybox evidence --verify", () => {
  it("accepts a bundle, and prints the digest of SHA256SUMS", async () => {
    const { code, stdout, stderr } = await evidence("--verify", "bundle");
    const digest = sha256(await readFile(path("bundle/SHA256SUMS")));
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^bundle: \d+ files, all as in SHA256SUMS\n/);
    expect(stdout).toContain(`SHA-256 of SHA256SUMS: ${digest}\nNot reviewed.\n`);
    const json = JSON.parse((await evidence("bundle", "--verify", "--json")).stdout);
    expect(json).toMatchObject({ passed: true, problems: [], sums: digest, review: null, bundle: { run: "night" } });
  });

  const sums = () => text("tampered", evidenceFiles.sums);
  const writeSums = (lines: string) => writeFile(path("tampered", evidenceFiles.sums), lines);
  const edit = async (name: string, change: (text: string) => string) => {
    await writeFile(path("tampered", name), change(await text("tampered", name)));
  };
  const addLine = async (name: string) => writeSums(`${await sums()}${"0".repeat(64)}  ${name}\n`);
  const tampered = {
    "a changed byte": [
      () => edit("maps.jsonl", (all) => all.replace('"v":1', '"v":2')),
      "changed",
      /maps\.jsonl: it has changed/,
    ],
    "a missing file": [() => rm(path("tampered/results.jsonl")), "missing", /results\.jsonl: the file is missing/],
    "an extra file": [
      () => writeFile(path("tampered/more.txt"), "x"),
      "extra",
      /more\.txt: the file is not in SHA256SUMS/,
    ],
    "a path to the parent": [
      () => addLine("../mini.onnx"),
      "sums",
      /line \d+ has a path that is not a file of the bundle/,
    ],
    "a path with dots in it": [() => addLine("files/../../mini.onnx"), "sums", /not a file of the bundle/],
    "an absolute path": [() => addLine("/etc/passwd"), "sums", /not a file of the bundle/],
    "a line twice": [
      async () => writeSums(`${await sums()}${(await sums()).split("\n")[0]}\n`),
      "sums",
      /names .* again/,
    ],
    "a cut list": [async () => writeSums((await sums()).slice(0, -30)), "sums", /is cut off: it has no line break/],
    "a shorter list": [
      async () => writeSums(`${(await sums()).split("\n")[0]}\n`),
      "extra",
      /index\.html: the file is not in/,
    ],
    "an empty list": [() => writeSums(""), "extra", /the file is not in SHA256SUMS/],
    "a link instead of a file": [
      async () => {
        await rename(path("tampered/results.jsonl"), path("outside.jsonl"));
        await symlink(path("outside.jsonl"), path("tampered/results.jsonl"));
      },
      "link",
      /results\.jsonl: it is a link/,
    ],
    "a link instead of a folder": [
      async () => {
        await rm(path("moved"), { recursive: true, force: true });
        await rename(path("tampered/files"), path("moved"));
        await symlink(path("moved"), path("tampered/files"));
      },
      "link",
      /files: it is a link/,
    ],
    "other counts, with sums that fit": [
      async () => {
        await edit(evidenceFiles.document, (all) => all.replace(/"failures": 1/, '"failures": 0'));
        await sumAgain("tampered");
      },
      "content",
      /the number of failures is 1, and evidence\.json says 0/,
    ],
    "another name, with sums that fit": [
      async () => {
        await edit("results.jsonl", (all) => all.replace('"p/b.png"', '"p/c.png"'));
        await sumAgain("tampered");
      },
      "content",
      /results\.jsonl: line \d and the list of images in evidence\.json differ/,
    ],
    "a document of another form, with sums that fit": [
      async () => {
        await edit(evidenceFiles.document, (all) => all.replace('"kind": "evidence"', '"kind": "proof"'));
        await sumAgain("tampered");
      },
      "content",
      /evidence\.json: it is not of its schema/,
    ],
    "a raw map that nobody names, with sums that fit": [
      async () => {
        await writeFile(path("tampered/files/0000/9-x.npy"), "x");
        await addLine("files/0000/9-x.npy");
        await sumAgain("tampered");
      },
      "content",
      /9-x\.npy: results\.jsonl does not name it/,
    ],
  } as const satisfies Record<string, readonly [() => Promise<unknown>, string, RegExp]>;

  it.each(Object.entries(tampered))("finds %s", async (_, [tamper, kind, message]) => {
    await rm(path("tampered"), { recursive: true, force: true });
    await cp(path("bundle"), path("tampered"), { recursive: true });
    await tamper();
    const { code, stdout, stderr } = await evidence("--verify", "tampered", "--json");
    expect([code, stderr]).toEqual([9, expect.stringMatching(message)]);
    const { passed, problems } = JSON.parse(stdout) as { passed: boolean; problems: { kind: string }[] };
    expect([passed, problems.map((problem) => problem.kind)]).toEqual([false, expect.arrayContaining([kind])]);
  });

  it("takes a review of this bundle, and of no other one", async () => {
    await cp(path("bundle"), path("reviewed"), { recursive: true });
    const said = ["--reviewer", "A. Example", "--verdict", "accepted-with-limits"];
    expect(await evidence("reviewed", ...said, "--comment", "Few images.")).toMatchObject({ code: 0 });
    const review = reviewSchema.parse(JSON.parse(await text("reviewed/review.json")));
    expect(review).toMatchObject({ reviewer: "A. Example", verdict: "accepted-with-limits", comment: "Few images." });
    expect(await evidence("reviewed", "--verify")).toMatchObject({
      ...{ code: 0, stdout: expect.stringContaining("Reviewed by A. Example: accepted-with-limits.") },
    });
    const twice = await evidence("reviewed", ...said);
    expect([twice.code, twice.stderr]).toEqual([6, expect.stringContaining("A bundle has one review")]);
    await writeFile(path("reviewed/review.json"), JSON.stringify({ ...review, bundle: "0".repeat(64) }));
    const other = await evidence("reviewed", "--verify");
    expect([other.code, other.stderr]).toEqual([9, expect.stringContaining("it is about another bundle")]);
    await writeFile(path("reviewed/review.json"), "{}");
    expect((await evidence("reviewed", "--verify")).stderr).toContain("it is no review");
    await rm(path("reviewed/review.json"));
    await appendFile(path("reviewed/maps.jsonl"), "x");
    expect((await evidence("reviewed", ...said)).code).toBe(9);
    expect(await readdir(path("reviewed"))).not.toContain("review.json");
  });
});

it("docs/evidence.md names every file, every limit and every field", async () => {
  const page = await readFile(new URL("../../../../docs/evidence.md", import.meta.url), "utf8");
  for (const name of [...Object.values(evidenceFiles), ...limitIds, ...Object.keys(reviewSchema.shape)])
    expect(page).toContain(`\`${name}\``);
  for (const field of Object.keys(evidenceSchema.shape)) expect(page).toContain(`\`${field}\``);
});
