// Makes docs/methods: a page for each method from its own docstring, a gallery, and the images.
//   node scripts/make-method-pages.mjs             the pages
//   node scripts/make-method-pages.mjs --check     exit code 1 when a page is not what this makes
//   node scripts/make-method-pages.mjs --images [id...]   the images too (some methods take minutes)
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { defaultMethods, defaultScores } from "@whybox/core";
import sharp from "sharp";
import { decodeImage, loadDetector, renderOverlay } from "whybox";

const root = resolve(import.meta.dirname, "..");
const folder = join(root, "docs/methods");
const sources = join(root, "packages/core/src/methods");
/** The detections of dog.jpg that every image shows. */
const shown = ["bicycle", "dog", "truck"];
const tile = [320, 240];

const slug = (id) =>
  id
    .toLowerCase()
    .replaceAll("+", "p")
    .replace(/[^a-z0-9]+/g, "-");

/** Id → the Markdown of the comment in front of the method. */
function docstrings() {
  const found = new Map();
  for (const name of readdirSync(sources).filter((file) => file.endsWith(".ts"))) {
    const text = readFileSync(join(sources, name), "utf8");
    for (const match of text.matchAll(/\/\*\*((?:(?!\*\/).)*)\*\/\s*export const \w+: CamMethod.*?\bid: "([^"]+)"/gs)) {
      const lines = match[1].split("\n").map((line) => line.replace(/^\s*\* ?/, "").trimEnd());
      found.set(match[2], { text: lines.join("\n").trim(), file: name });
    }
  }
  return found;
}

const readsAt = {
  level: "the head input of the level that found the detection",
  stage: "the backbone's last map of the stride of the level that found the detection",
  deepest: "the backbone's last map",
  taps: "several depths at once, fused",
  "taps-fast": "a few depths at once, fused",
};

function facts(method) {
  const reads = method.reads ?? "layers";
  const where =
    reads === "layers" ? readsAt[method.auto ?? "level"] : reads === "input" ? "the network's input" : "no layer";
  const names = [method.id, ...(method.aliases ?? [])].map((name) => `\`${name}\``).join(", ");
  const rows = [
    ["Names", names],
    ["Paper", method.paper],
    ["Needs", method.needs.map((need) => `\`${need}\``).join(", ")],
    ["Read at, with `--layer auto`", where],
    ["Score, unless one is asked for", (method.scores ?? ["class"]).map((id) => `\`${id}\``).join(", ")],
    ["Eigen-smooth", method.channels ? "yes" : "no"],
    ["`--samples`", method.samples ?? "no"],
    ["`--seed`", method.usesSeed ? "yes" : "no"],
    ["`--compat`", method.hasCompat ? "yes" : "no"],
    ...(method.ablates ? [["`--ablate-to`", "yes"]] : []),
  ];
  return ["| Property | Value |", "|---|---|", ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join("\n");
}

function page(method, { text, file }) {
  return [
    `# ${method.title}`,
    text,
    facts(method),
    `![${method.title} of the bicycle, the dog and the truck](images/${slug(method.id)}.webp)`,
    `The bicycle, the dog and the truck of \`fixtures/photos/dog.jpg\`, each explained on its own: \`whybox explain dog.jpg --method ${method.id} --per detection\`.`,
    `Made from the docstring in [${file}](../../packages/core/src/methods/${file}) by \`scripts/make-method-pages.mjs\`. [All methods](README.md).`,
    "",
  ].join("\n\n");
}

/** The first sentence. */
const summary = (text) => /^.*?[.:](?=\s|$)/s.exec(text)[0].replaceAll("\n", " ").replace(/:$/, ".");

function gallery(docs) {
  const rows = defaultMethods.map((method) => {
    const name = `[${method.title}](${slug(method.id)}.md)`;
    return `| ${name}<br>\`${method.id}\` | ![${method.title}](images/${slug(method.id)}.webp) | ${summary(docs.get(method.id).text)} |`;
  });
  const scores = defaultScores.map((score) => `| \`${score.id}\` | ${score.title.replaceAll("<", "\\<")} |`);
  return [
    "# Methods",
    readFileSync(join(folder, "intro.md"), "utf8").trim(),
    "## Gallery",
    "The bicycle, the dog and the truck of one photo, each explained on its own, under every method with its defaults.",
    ["| Method | bicycle · dog · truck | What it does |", "|---|---|---|", ...rows].join("\n"),
    "## Scores",
    "What is differentiated, or measured on changed images: `--backprop`.",
    ["| Id | What is differentiated |", "|---|---|", ...scores].join("\n"),
    "",
  ].join("\n\n");
}

function pages() {
  const docs = docstrings();
  const missing = defaultMethods.filter((method) => !docs.has(method.id)).map((method) => method.id);
  if (missing.length > 0) throw new Error(`no docstring was found for ${missing.join(", ")}`);
  const made = new Map(defaultMethods.map((method) => [`${slug(method.id)}.md`, page(method, docs.get(method.id))]));
  return made.set("README.md", gallery(docs));
}

async function makeImages(ids) {
  const image = await decodeImage(join(root, "fixtures/photos/dog.jpg"));
  const detector = await loadDetector("yolov5s");
  mkdirSync(join(folder, "images"), { recursive: true });
  for (const method of defaultMethods.filter(({ id }) => ids.length === 0 || ids.includes(id))) {
    const { detections, maps } = await detector.explain(image, {
      method: method.id,
      per: "detection",
      classNames: shown,
    });
    const tiles = await Promise.all(
      shown.map((className, i) => {
        const map = maps.find((one) => one.className === className);
        const drawn = renderOverlay(image, map.heatmap, {
          boxes: true,
          labels: false,
          sideBySide: false,
          detections: map.detections.map((index) => detections[index]),
        });
        const raw = { width: drawn.width, height: drawn.height, channels: 3 };
        return sharp(drawn.data, { raw })
          .resize(...tile)
          .png()
          .toBuffer()
          .then((input) => ({ input, left: i * (tile[0] + 4), top: 0 }));
      }),
    );
    const width = tiles.length * (tile[0] + 4) - 4;
    await sharp({ create: { width, height: tile[1], channels: 3, background: "#ffffff" } })
      .composite(tiles)
      .webp({ quality: 72 })
      .toFile(join(folder, "images", `${slug(method.id)}.webp`));
    console.log(method.id);
  }
  await detector.dispose();
}

const [mode, ...ids] = process.argv.slice(2);
if (mode === "--images") await makeImages(ids);
const stale = [];
for (const [name, text] of pages()) {
  const path = join(folder, name);
  if (mode !== "--check") writeFileSync(path, text);
  else if (!existsSync(path) || readFileSync(path, "utf8") !== text) stale.push(name);
}
if (mode === "--check") {
  for (const { id } of defaultMethods) {
    if (!existsSync(join(folder, "images", `${slug(id)}.webp`))) stale.push(`images/${slug(id)}.webp`);
  }
  const known = new Set([...pages().keys(), "intro.md"]);
  stale.push(...readdirSync(folder).filter((name) => name.endsWith(".md") && !known.has(name)));
}
if (stale.length > 0) {
  console.error(`Stale in docs/methods: ${stale.join(", ")}. Run node scripts/make-method-pages.mjs.`);
  process.exitCode = 1;
}
