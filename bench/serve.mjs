// What `whybox serve` does under load, and its memory. Prints the figures and records them in results/serve.json.
//   node bench/serve.mjs            2 workers, 200 requests of mixed sizes, 20 at once, compared with bare passes in 2 processes
//   node bench/serve.mjs --memory   5,000 requests to a tiny network: resident memory of the server and of its workers
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import * as ort from "onnxruntime-node";
import sharp from "sharp";
import { resolveWeights } from "whybox";
import { facts, ratio, root } from "./measure.mjs";
import { readResults, saveResults } from "./results.mjs";

const WORKERS = 2;
const WIDTHS = [320, 640, 1280, 1920];
const photo = join(root, "fixtures/photos/dog.jpg");
const quick = process.argv.includes("--quick");

/** Starts the server on a free port. */
async function serve(...argv) {
  const bin = join(root, "packages/node/bin/whybox.js");
  const options = ["serve", ...argv, "--workers", String(WORKERS), "--port", "0"];
  const child = spawn(process.execPath, [bin, ...options], { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk) => {
    // The first lines have the process ids.
    if (log.length < 10_000) log += chunk;
  });
  const [line] = await once(child.stdout.setEncoding("utf8"), "data");
  const pids = () => JSON.parse(log.split("\n").find((one) => one.includes('"pids"'))).pids;
  return {
    address: line.trim(),
    pids: () => [child.pid, ...pids()],
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Sends a number of requests, `atOnce` at a time, and gives the time of each and the statuses. */
async function load(address, count, atOnce, formOf) {
  const ms = [];
  const statuses = {};
  let sent = 0;
  const client = async () => {
    while (sent < count) {
      const start = performance.now();
      const answer = await fetch(address, { method: "POST", body: formOf(sent++) });
      await answer.arrayBuffer();
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      ms.push(performance.now() - start);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: atOnce }, client));
  return { seconds: (performance.now() - start) / 1e3, ms: ms.toSorted((a, b) => a - b), statuses };
}

function form(bytes, fields = {}) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append("image", new Blob([bytes]), "photo.jpg");
  return body;
}

/** Passes a second of the plain model, in as many processes of one thread as there are workers. */
async function bareRate() {
  const rates = await Promise.all(
    Array.from({ length: WORKERS }, async () => {
      const child = spawn(process.execPath, [import.meta.filename, "--bare"], { stdio: ["ignore", "pipe", "inherit"] });
      const [text] = await once(child.stdout.setEncoding("utf8"), "data");
      await once(child, "exit");
      return Number(text);
    }),
  );
  return rates.reduce((sum, rate) => sum + rate);
}

async function bare() {
  const { path } = await resolveWeights("yolov5s");
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1 });
  // The input of the photo.
  const dims = [1, 3, 480, 640];
  const input = new ort.Tensor("float32", new Float32Array(3 * 480 * 640).fill(0.5), dims);
  const pass = () => session.run({ [session.inputNames[0]]: input });
  for (let i = 0; i < 5; i++) await pass();
  let passes = 0;
  const start = performance.now();
  for (; performance.now() - start < (quick ? 500 : 5_000); passes++) await pass();
  console.log((1e3 * passes) / (performance.now() - start));
}

const share = (sorted, part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]);

async function measureLoad() {
  const files = await Promise.all(WIDTHS.map((width) => sharp(photo).resize(width).jpeg({ quality: 90 }).toBuffer()));
  const kinds = {
    "one heatmap (GradCAM, per image)": { method: "GradCAM", per: "image" },
    "default (tap-fusion, per detection)": {},
    "default, with the PNG": { save: "png" },
  };
  const server = await serve("yolov5s");
  const count = quick ? 20 : 200;
  const address = `${server.address}/v1/explain`;
  const passes = await bareRate();
  const rows = {};
  try {
    for (const [name, fields] of Object.entries(kinds)) {
      const formOf = (i) => form(files[i % files.length], fields);
      await load(address, 8, 4, formOf);
      // The other kinds are for comparison.
      const { seconds, ms, statuses } = await load(
        address,
        name.startsWith("default (") ? count : count / 4,
        20,
        formOf,
      );
      rows[name] = {
        ...{ requests: ms.length, statuses, "requests a second": ratio(ms.length / seconds) },
        "requests a second / bare passes a second": ratio(ms.length / seconds / passes),
        ...{ "median, ms": share(ms, 0.5), "p95, ms": share(ms, 0.95), "longest, ms": share(ms, 1) },
      };
      console.log(name, rows[name]);
    }
  } finally {
    await server.stop();
  }
  return { workers: WORKERS, "at once": 20, widths: WIDTHS, "bare passes a second": ratio(passes), rows };
}

/** Resident memory in megabytes, on Linux. */
const resident = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

async function measureMemory() {
  const folder = mkdtempSync(join(tmpdir(), "whybox-bench-"));
  const model = join(folder, "tiny.onnx");
  writeFileSync(model, gunzipSync(readFileSync(join(root, "fixtures/exports/yolox.onnx.gz"))));
  const files = await Promise.all([160, 320].map((width) => sharp(photo).resize(width).jpeg().toBuffer()));
  const server = await serve(model);
  const [count, step] = quick ? [200, 100] : [5_000, 500];
  const rows = [];
  try {
    for (let done = 0; done < count; done += step) {
      const fields = (i) => (i % 10 === 0 ? { save: "npy" } : {});
      const { statuses } = await load(`${server.address}/v1/explain`, step, 8, (i) =>
        form(files[i % 2], { maxDetections: "3", ...fields(i) }),
      );
      const [main, ...workers] = server.pids().map((pid) => Math.round(resident(pid)));
      rows.push({ requests: done + step, statuses, "server, MB": main, "workers, MB": workers });
      console.log(JSON.stringify(rows.at(-1)));
    }
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
  return rows;
}

if (process.argv.includes("--bare")) await bare();
else {
  const part = process.argv.includes("--memory")
    ? { memory: { ...facts(), rows: await measureMemory() } }
    : { load: { ...facts(), ...(await measureLoad()) } };
  console.log(JSON.stringify(part, null, 2));
  if (!quick) saveResults("serve.json", { ...readResults("serve.json"), ...part });
}
