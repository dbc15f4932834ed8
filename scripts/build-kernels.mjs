// Assembles packages/core/src/kernels/kernels.wat into kernels.ts beside it.
//   node scripts/build-kernels.mjs             writes it
//   node scripts/build-kernels.mjs --check     exit code 1 when it is not what this writes
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import assembler from "wabt";

const folder = resolve(import.meta.dirname, "../packages/core/src/kernels");
const target = resolve(folder, "kernels.ts");

const { parseWat } = await assembler();
const module = parseWat("kernels.wat", readFileSync(resolve(folder, "kernels.wat"), "utf8"), { simd: true });
module.validate();
const { buffer } = module.toBinary({});
const lines = Buffer.from(buffer)
  .toString("base64")
  .match(/.{1,108}/g);
const text = [
  `/** kernels.wat, assembled by scripts/build-kernels.mjs: ${buffer.length} bytes as base64. Not to be edited. */`,
  "export const kernelsBase64 = [",
  ...lines.map((line) => `  "${line}",`),
  '].join("");',
  "",
].join("\n");

if (!process.argv.includes("--check")) writeFileSync(target, text);
else if (readFileSync(target, "utf8").replaceAll("\r\n", "\n") !== text) {
  console.error("kernels.ts is not what kernels.wat assembles to. Run node scripts/build-kernels.mjs.");
  process.exitCode = 1;
}
