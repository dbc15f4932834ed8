// The tables of docs/faithfulness.md, made from bench/results/faithfulness.json.

const KEYS = ["A", "B", "C", "W"];
const line = (cells) => `| ${cells.join(" | ")} |`;
const table = (head, rows) =>
  [line(head), line(head.map((_, i) => (i === 0 ? "---" : "--:"))), ...rows.map(line)].join("\n");
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
const plain = (value) => `${value < 0 ? "−" : ""}${Math.abs(value).toFixed(3)}`;
const timeOf = (value) =>
  value === undefined ? "–" : value < 1 ? value.toFixed(2) : value < 10 ? value.toFixed(1) : String(Math.round(value));

/** Rows and differences of fewer images say nothing. */
const MIN_IMAGES = 5;

/** A difference is bold when its interval does not contain 0. */
function difference(found, images) {
  if (!found) return "–";
  const [mean, low, high] = found;
  if (images < MIN_IMAGES) return signed(mean);
  const text = `${signed(mean)} [${signed(low)}, ${signed(high)}]`;
  return low > 0 || high < 0 ? `**${text}**` : text;
}

export function faithfulnessTables(report) {
  if (report.networks.length === 0) return `Nothing is compared: no network has the row "Gaussian".`;
  const [first, ...others] = report.networks;
  const names = report.networks.map(sampleSentence);
  return [
    names.join("\n"),
    methodsTable(first),
    gradCamTable(first),
    sizesTable(first),
    ...others.map((network) => `${network.name}:\n\n${methodsTable(network)}`),
  ].join("\n\n");
}

/** Parts of the docs, by the names in them. */
export const faithfulnessParts = {
  faithfulSample: ({ networks }) => networks.map((network) => `- ${sampleSentence(network)}`).join("\n"),
  faithfulMethods: ({ networks }) => methodsTable(networks[0]),
  faithfulGradCam: ({ networks }) => gradCamTable(networks[0]),
  faithfulSizes: ({ networks }) => sizesTable(networks[0]),
  faithfulNetworks: ({ networks }) =>
    networks
      .slice(1)
      .map((network) => `**${network.name}**\n\n${methodsTable(network)}`)
      .join("\n\n"),
};

function sampleSentence({ name, source, sha256, sample }) {
  const { small = 0, medium = 0, large = 0 } = sample.sizes;
  const classes = Object.keys(sample.classes).length;
  return (
    `${name}: ${sample.detections} detections of ${classes} classes in ${sample.images} images; ${small} boxes below 4 % of the image, ` +
    `${medium} up to 16 %, ${large} above. Weights: ${source} (SHA-256 \`${sha256.slice(0, 16)}…\`).`
  );
}

/** The best against the Gaussian in A first. Rows may have different detections, so their own means are not compared. */
const overGaussian = ({ against }) => against.Gaussian?.A[0] ?? 0;
const byA = (rows) => rows.toSorted((a, b) => overGaussian(b) - overGaussian(a));

function methodsTable({ rows: all }) {
  const rows = all.filter(({ images }) => images >= MIN_IMAGES);
  const left = all.filter(({ images }) => images < MIN_IMAGES).map(({ name }) => name);
  const cells = (row) => {
    const to = row.against.Gaussian;
    const figures = KEYS.map((key) => (to ? difference(to[key], row.images) : plain(row.figures[key][0])));
    return [
      row.name,
      String(row.detections),
      ...figures,
      row.region.toFixed(2),
      timeOf(row.seconds),
      timeOf(row.passes),
    ];
  };
  const baseline = rows.filter(({ name }) => name === "Gaussian");
  const others = byA(rows.filter(({ name }) => name !== "Gaussian"));
  const found = table(
    ["map", "n", ...KEYS, "smallest region", "s a box", "plain passes a box"],
    [...baseline, ...others].map(cells),
  );
  const note = `Measured on fewer than ${MIN_IMAGES} images and left out: ${left.join(", ")}.`;
  return left.length === 0 ? found : `${found}\n\n${note}`;
}

function gradCamTable({ rows }) {
  const some = byA(rows.filter(({ against }) => against.GradCAM));
  return table(
    ["map − GradCAM", ...KEYS],
    some.map((row) => [row.name, ...KEYS.map((key) => difference(row.against.GradCAM[key], row.images))]),
  );
}

function sizesTable({ rows }) {
  const sizes = ["small", "medium", "large"];
  const keys = ["A", "W"];
  const cell = (found, key) => (found ? difference(found[key], found.images) : "–");
  const some = byA(rows.filter(({ against }) => against.Gaussian));
  return table(
    ["map − Gaussian", ...keys.flatMap((key) => sizes.map((size) => `${key}, ${size}`))],
    some.map((row) => [
      row.name,
      ...keys.flatMap((key) => sizes.map((size) => cell(row.against.Gaussian.bySize[size], key))),
    ]),
  );
}
