// Packs the packages, installs the tarballs in an empty folder as a user would, and uses them there.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** `whybox ui` gives out the page with all that it names and ONNX Runtime's WebAssembly, and Ctrl-C ends it. */
async function checkPage(cwd) {
  console.log("$ whybox ui --no-open");
  const bin = join(cwd, "node_modules/whybox/bin/whybox.js");
  const served = spawn(process.execPath, [bin, "ui", "--no-open"], { cwd, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(served, "exit");
  try {
    const [line] = await Promise.race([once(served.stdout.setEncoding("utf8"), "data"), ended]);
    const address = String(line).trim();
    const get = async (path) => {
      const answer = await fetch(new URL(path, address));
      if (!answer.ok) throw new Error(`whybox ui has no ${path}: ${answer.status}`);
      return Buffer.from(await answer.arrayBuffer());
    };
    const page = (await get("")).toString();
    const named = [...page.matchAll(/(?:src|href)="(\.\/[^"]+)"/g)].map(([, path]) => path);
    const assets = (await get("service-worker.js")).toString().match(/assets\/[\w.-]+/g) ?? [];
    for (const path of [...named, ...assets]) await get(path);
    if (named.length < 3 || assets.length < 3)
      throw new Error(`the page names only ${named.length + assets.length} files`);
    const wasm = await get("ort/ort-wasm-simd-threaded.asyncify.wasm");
    if (wasm.subarray(0, 4).toString("latin1") !== "\0asm") throw new Error("the WebAssembly is none");
    const weights = JSON.parse(await get("weights/default.json"));
    if ((await get("weights/default.onnx")).length !== weights.bytes) throw new Error("the weights are not whole");
    console.log(`${address}: ${named.length + assets.length} files, ${wasm.length} bytes of WebAssembly`);
  } finally {
    served.kill("SIGINT");
  }
  const [code] = await ended;
  // Windows has no SIGINT: the process is ended without being asked.
  if (code !== 0 && process.platform !== "win32") throw new Error(`whybox ui ended with ${code} at Ctrl-C`);
}

const root = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "whybox-packed-"));
const run = (command, args, options = {}) => {
  console.log(`$ ${command} ${args.join(" ")}`);
  // npm and npx are scripts on Windows, which only a shell runs.
  const shell = process.platform === "win32";
  return execFileSync(command, args, { stdio: ["ignore", "pipe", "inherit"], encoding: "utf8", shell, ...options });
};

try {
  const tarballs = ["packages/core", "packages/report", "packages/browser", "packages/node"].map((path) => {
    const [packed] = JSON.parse(
      run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], { cwd: join(root, path) }),
    );
    const builtWith = packed.files.filter(({ path }) => path.endsWith(".tsbuildinfo"));
    if (builtWith.length > 0) throw new Error(`${packed.name} contains ${builtWith[0].path}`);
    const file = join(folder, packed.filename);
    console.log(run("npx", ["publint", "run", file, "--strict"], { cwd: root }));
    console.log(run("npx", ["attw", file, "--profile", "esm-only"], { cwd: root }));
    return file;
  });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
  run("npm", ["install", "--no-audit", "--no-fund", ...tarballs], { cwd: folder, env });

  const photo = join(folder, "dog.jpg");
  copyFileSync(join(root, "fixtures/photos/dog.jpg"), photo);
  console.log(run("npx", ["whybox", "--version"], { cwd: folder }));
  console.log(run("npx", ["whybox", "explain", "dog.jpg"], { cwd: folder }));
  for (const name of ["dog.png", "dog.json"]) {
    if (!existsSync(join(folder, "runs/explain/exp", name))) throw new Error(`whybox explain did not write ${name}`);
  }
  const document = JSON.parse(readFileSync(join(folder, "runs/explain/exp/dog.json"), "utf8"));
  if (!document.detections.some((found) => found.className === "dog"))
    throw new Error("the packed command found no dog");

  run("npx", ["whybox", "run", "dog.jpg", "--out", "run"], { cwd: folder });
  console.log(run("npx", ["whybox", "report", "run", "--misses", "0"], { cwd: folder }));
  const report = readFileSync(join(folder, "run/report.html"), "utf8");
  const script = readFileSync(join(folder, "node_modules/@whybox/report/dist/page/report.js"), "utf8");
  if (!report.includes(script)) throw new Error("the report lacks the script of the package @whybox/report");

  const lines = [
    'import { explain } from "whybox";',
    'const { detections, heatmap } = await explain("dog.jpg", { layer: -2 });',
    "const peak = heatmap.data.indexOf(heatmap.data.reduce((a, b) => Math.max(a, b)));",
    "console.log(detections.map((found) => found.className).join(), peak % heatmap.width, Math.floor(peak / heatmap.width));",
    'if (!detections.some((found) => found.className === "dog")) throw new Error("no dog");',
  ];
  writeFileSync(join(folder, "five-lines.mjs"), lines.join("\n"));
  console.log(run("node", ["five-lines.mjs"], { cwd: folder }));
  await checkPage(folder);
  console.log("The packed packages work.");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
