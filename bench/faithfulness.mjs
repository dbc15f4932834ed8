// Measures how faithful maps are: does the network lose the detection when the hottest pixels go, and find it again when they come back?
//   npm run bench:faithfulness -- --images FOLDER                     the reporting images of faithfulness/images.json that are in the folder
//   npm run bench:faithfulness -- --images FOLDER --weights FOLDER    the other networks too, whose files are found by their digest
//   --use tuning      the tuning images. Nothing is saved unless --out names a file
//   --networks "YOLOv5s,NanoDet-g"   --rows "search,Gaussian"         only these
//   --again "search"  measures these rows again, after a change of the method
//   --missing         measures only what results/faithfulness-detections.jsonl does not have
//   --minutes 4       stops after that time. The next call goes on where it stopped
//   --time            measures the time of each row instead of its figures. Nothing else should run
// A folder without any listed image is measured as it is. docs/faithfulness.md says what the columns mean and what they do not show.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { decodeImage, resolveWeights } from "whybox";
import { digestOf, findFiles } from "./faithfulness/files.mjs";
import { keyOf, readRecords, writeRecords } from "./faithfulness/records.mjs";
import { BASELINES, isMostUsed, ROWS } from "./faithfulness/rows.mjs";
import { openNetwork } from "./faithfulness/subjects.mjs";
import { summarise } from "./faithfulness/summary.mjs";
import { faithfulnessTables } from "./faithfulness/tables.mjs";
import { timeRows } from "./faithfulness/time.mjs";
import { threads as availableThreads, facts, root } from "./measure.mjs";
import { saveResults } from "./results.mjs";

const { values: flags } = parseArgs({
  options: {
    images: { type: "string", multiple: true },
    weights: { type: "string" },
    use: { type: "string", default: "reporting" },
    networks: { type: "string" },
    rows: { type: "string" },
    again: { type: "string" },
    minutes: { type: "string" },
    missing: { type: "boolean", default: false },
    time: { type: "boolean", default: false },
    threads: { type: "string", default: String(availableThreads) },
    cache: { type: "string", default: join(root, "node_modules/.cache/whybox/faithfulness.jsonl") },
    out: { type: "string" },
  },
});
const listOf = (text, all) => {
  const names = text?.split(",").map((name) => name.trim()) ?? [];
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Error(`No "${unknown}". Expected some of: ${all.join(", ")}.`);
  return names;
};
if (!flags.images) throw new Error("Give the folder of the images: --images FOLDER.");
const listed = readJson("images.json").images.filter(({ use }) => use === flags.use);
const images = findImages();
const isListed = images.every(({ listed }) => listed);
const listedNetworks = readJson("networks.json").networks;
const networks = await findNetworks();
const asked = listOf(flags.rows, ROWS.all);
const again = new Set(listOf(flags.again, ROWS.all));
const threads = Number(flags.threads);
const rowsOf = (network) => ROWS[network.rows].filter((row) => asked.length === 0 || asked.includes(row));
const until = performance.now() + Number(flags.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
const cache = resolve(flags.cache);
const recorded = join(root, "bench/results/faithfulness-detections.jsonl");
const isRecorded = isListed && flags.use === "reporting" && !flags.out;
const before = isRecorded ? readRecords(recorded) : [];
/** What need not be measured again. */
const measured = new Map();
for (const record of flags.missing ? before : []) keep(record);
for (const line of existsSync(cache) ? readFileSync(cache, "utf8").split("\n").filter(Boolean) : [])
  keep(JSON.parse(line));

const isDone = flags.time ? await timeAll() : await measureAll();
const records = [...new Map([...before, ...measured.values()].map((record) => [keyOf(record), record])).values()];
const report = { ...facts(), ...summarise({ networks: listedNetworks, images, records }) };
console.log(faithfulnessTables(report));
if (!isDone) console.log("\nNot everything is measured yet. Call it again to go on.");
if (flags.out) writeFileSync(flags.out, `${JSON.stringify(report, null, 2)}\n`);
if (isRecorded) {
  writeRecords(recorded, records);
  saveResults("faithfulness.json", report);
}

/** Stages in the order of their weight, so that a run that is stopped has measured what matters most. */
function stages() {
  const round = (number) => [
    ...networks.map((network) => ({ network, rows: rowsOf(network).filter(isMostUsed), number })),
    ...networks.map((network) => ({ network, rows: rowsOf(network).filter((row) => !isMostUsed(row)), number })),
  ];
  return [...round(0), ...round(1)];
}

/** Measures what the cache does not have. Returns whether nothing is left. */
async function measureAll() {
  for (const { network, rows, number } of stages()) {
    const missing = images.map((image) => ({
      image,
      wanted: rows.filter((row) => !has(network, image, row, number)),
    }));
    const open = missing.filter(({ wanted }) => wanted.length > 0);
    if (open.length === 0) continue;
    const opened = await openNetwork(network, threads);
    try {
      for (const { image, wanted } of open) {
        if (performance.now() > until) return false;
        await measureImage({ network, opened, image, wanted, number });
      }
    } finally {
      await opened.dispose();
    }
  }
  return true;
}

async function measureImage({ network, opened, image, wanted, number }) {
  const { detection, measure } = await opened.openImage(await decodeImage(image.path), number);
  for (const row of wanted) {
    if (performance.now() > until) return;
    // An image without such a detection is recorded too: it is not tried again.
    const figures = detection === null ? null : await measure(row);
    add({ network: network.name, image: image.sha256, row, number, detection, figures });
  }
  console.error(`${network.name}, ${image.file}, detection ${number + 1}: done`);
}

async function timeAll() {
  for (const network of networks) {
    const some = rowsOf(network).filter((row) => !BASELINES[row]);
    const missing = some.filter((row) => !measured.has(keyOf({ network: network.name, row, time: true })));
    const isLate = () => performance.now() > until;
    const done = await timeRows({ network, threads, images, rows: missing, isLate, add });
    if (!done) return false;
  }
  return true;
}

function has(network, image, row, number) {
  return !again.has(row) && measured.has(keyOf({ network: network.name, image: image.sha256, row, number }));
}

function keep(record) {
  measured.set(keyOf(record), record);
}

function add(record) {
  keep(record);
  mkdirSync(dirname(cache), { recursive: true });
  appendFileSync(cache, `${JSON.stringify(record)}\n`);
}

/** The listed images of the folders, in the order of the list; all images of the folders if none is listed. */
function findImages() {
  const found = flags.images.flatMap((folder) => findFiles(folder, /\.(jpe?g|png|webp)$/i));
  if (found.length === 0) throw new Error(`There is no image in ${flags.images.join(", ")}.`);
  const byDigest = new Map(found.map((path) => [digestOf(path), path]));
  const known = listed.filter(({ sha256 }) => byDigest.has(sha256));
  if (known.length > 0) {
    if (known.length < listed.length) console.error(`${listed.length - known.length} listed images are not there.`);
    return known.map((one) => ({ ...one, path: byDigest.get(one.sha256), listed: true }));
  }
  return [...byDigest].map(([sha256, path]) => ({ file: path, path, sha256, listed: false }));
}

/** The networks whose weights are there. */
async function findNetworks() {
  const all = listedNetworks;
  const names = listOf(
    flags.networks,
    all.map(({ name }) => name),
  );
  const files = flags.weights ? findFiles(flags.weights, /\.onnx$/i) : [];
  const byDigest = new Map(files.map((path) => [digestOf(path), path]));
  const found = [];
  for (const network of all.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const path = network.weights ? (await resolveWeights(network.weights)).path : byDigest.get(network.sha256);
    if (path === undefined) console.error(`${network.name}: no file with its digest in --weights. It is left out.`);
    else if (digestOf(path) !== network.sha256) throw new Error(`${path} is not the network whose digest is listed.`);
    else found.push({ ...network, path });
  }
  return found;
}

function readJson(name) {
  return JSON.parse(readFileSync(join(import.meta.dirname, "faithfulness", name), "utf8"));
}
