// Tables of the docs, made from the recorded results between <!-- bench:NAME --> and <!-- /bench -->.
import { faithfulnessParts } from "./faithfulness/tables.mjs";

const line = (cells) => `| ${cells.join(" | ")} |`;
const table = (head, rows) => [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
const two = (value) => (value === undefined ? "–" : value.toFixed(2));
const shown = (value, unit) => {
  if (value === undefined) return "–";
  if (unit === "MiB") return `${Math.round(value)} MiB`;
  return unit === undefined ? two(value) : `${two(value)} ${unit}`;
};

/** Where and when parts ran. Parts of one run share a sentence. */
function origin(parts) {
  const sentences = parts.map(({ date, commit, before, node, threads, cpu, plainMs = {} }) => ({
    place: `${date}, commit ${commit}${before ? `, before: ${before}` : ""}, Node ${node}, ${threads} threads, ${cpu}`,
    pass: plainMs.plain,
  }));
  const places = [...new Set(sentences.map(({ place }) => place))];
  return places
    .map((place) => {
      const passes = sentences.filter((one) => one.place === place && one.pass).map(({ pass }) => Math.round(pass));
      if (passes.length === 0) return `${place}.`;
      const [least, most] = [Math.min(...passes), Math.max(...passes)];
      return `${place}; plain pass ${least === most ? least : `${least} to ${most}`} ms.`;
    })
    .join(" ");
}

/** Rows of parts. Columns that no row has are left out. A brief table has neither aims nor repeats. */
function rowsTable(parts, title, { keep = () => true, brief = false } = {}) {
  const rows = parts.flatMap(({ rows }) => rows).filter(keep);
  if (rows.length === 0) throw new Error(`No recorded results for the table "${title}": run npm run bench.`);
  const has = (key) => rows.some((row) => row[key] !== undefined);
  const columns = [
    [title, ({ name }) => name],
    ...(has("before") ? [["before", ({ before, unit }) => shown(before, unit)]] : []),
    [has("before") ? "now" : "measured", ({ now, unit }) => shown(now, unit)],
    ...(has("before") ? [["now / before", ({ now, before }) => two(before && now / before)]] : []),
    ...(has("aim") && !brief
      ? [["aim", ({ aim, unit }) => (aim === undefined ? "–" : `≤ ${aim}${unit ? ` ${unit}` : ""}`)]]
      : []),
    ...(brief ? [] : [["repeats", ({ repeats }) => String(repeats)]]),
  ];
  const body = rows.map((row) => columns.map(([, cell]) => cell(row)));
  return `${table(
    columns.map(([head]) => head),
    body,
  )}\n\n${origin(parts)}`;
}

function explainTable(read, title, starts, options) {
  const parts = Object.entries(read("explain.json").parts ?? {}).filter(([name]) =>
    starts.some((start) => name.startsWith(start)),
  );
  return rowsTable(
    parts.map(([, part]) => part),
    title,
    options,
  );
}

const PASSES = "over a plain pass";
const MANY = ["GradCAM", "ODAM", "tap-fusion", "hundred", "memory"];
const faithfulness = Object.entries(faithfulnessParts).map(([name, part]) => [
  name,
  (read) => part(read("faithfulness.json")),
]);
const TABLES = {
  ...Object.fromEntries(faithfulness),
  calls: (read) => explainTable(read, PASSES, ["calls", "tails", "Recipro", "D-RISE", "ScoreCAM", "command"]),
  detections: (read) => explainTable(read, PASSES, MANY),
  layers: (read) => explainTable(read, "Grad-CAM, core, over a plain pass", ["layers", "sizes"]),
  choices: (read) => explainTable(read, "Grad-CAM, core, over a plain pass", ["choices", "control"]),
  costs: (read) => {
    // Of the layers, what they cost over detection.
    const keep = ({ name }) => !name.startsWith("layer ") || name.endsWith("over detection");
    return explainTable(read, PASSES, ["calls", "layers"], { keep, brief: true });
  },
  fusion: (read) => {
    const keep = ({ unit }) => unit === undefined;
    return explainTable(read, PASSES, ["GradCAM", "tap-fusion", "hundred tap-fusion"], { keep, brief: true });
  },
  checkpoints: (read) => {
    const { reading, running, ...run } = read("torch.json");
    const row = ([name, { megabytes, seconds, secondsWithWeights, peakOverFile }]) => [
      `${name}, ${megabytes} MB`,
      ...[seconds, secondsWithWeights, peakOverFile].map(two),
    ];
    const head = ["checkpoint", "read into a graph, s", "and every weight read, s", "peak memory over the file's size"];
    const official = running
      ? ` ONNX Runtime runs the graph of the YOLOv5s checkpoint in ${two(running.oursOverOfficial)} of the time of its official export (${running.size} pixels; largest difference of the outputs ${running.largestDifference}).`
      : "";
    return `${table(head, Object.entries(reading).map(row))}\n\n${origin([run])}${official}`;
  },
  web: (read) => {
    const { web, ...run } = read("web.json");
    const columns = Object.values(web);
    const names = [...new Set(columns.flatMap(({ ratios = {} }) => Object.keys(ratios)))];
    const rows = names.map((name) => [name, ...columns.map(({ ratios = {} }) => two(ratios[name]))]);
    return `${table(["", ...Object.keys(web)], rows)}\n\n${origin([run])} Chromium ${columns[0].chromium}, medians of ${run.repeats} rounds.`;
  },
  peers: (read) => {
    const { rows, versions, ...run } = read("peers.json");
    const body = rows.map(({ name, network, overTorch, overOnnx, ms, repeats }) => [
      name,
      network,
      ...[overTorch, overOnnx].map(two),
      Math.round(ms),
      repeats,
    ]);
    const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    const head = ["call", "network", "over its plain PyTorch pass", "over ONNX Runtime's plain pass", "ms", "repeats"];
    return `${table(head, body)}\n\n${run.date}, ${run.threads} threads, ${run.cpu}, input ${run.input.join(" × ")}; ${named.join(", ")}.`;
  },
};

/** A page with its tables rewritten. `read` gives the recorded results of a file. */
export function renderTables(text, read) {
  return text.replaceAll(/(<!-- bench:(\w+) -->\n)[\s\S]*?(<!-- \/bench -->)/g, (_, start, name, end) => {
    if (TABLES[name] === undefined) throw new Error(`No table "${name}". Expected ${Object.keys(TABLES).join(", ")}.`);
    return `${start}\n${TABLES[name](read)}\n\n${end}`;
  });
}
