// Runs the tests in another version of Node, which npm installs beside this one: npm run test:node -- 22 [files and options of Vitest]
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

/** What depends on Node: files, processes, threads, streams, HTTP. Each runs the command or the library as users do. */
const files = [
  "packages/core/test/readers",
  "packages/node/test/cli/explain.test.ts",
  "packages/node/test/cli/stdout.test.ts",
  "packages/node/test/io",
  "packages/node/test/mcp",
  "packages/node/test/report/make-report.test.ts",
  "packages/node/test/runs/run-command.test.ts",
  "packages/node/test/runs/shards",
  "packages/node/test/runtime",
  "packages/node/test/serve/serve.test.ts",
  "packages/node/test/ui/page-server.test.ts",
];

const [version, ...given] = process.argv.slice(2);
if (version === undefined || !/^\d+(\.\d+){0,2}$/.test(version)) {
  console.error(
    "Usage: npm run test:node -- VERSION [files and options of Vitest], for example: npm run test:node -- 26",
  );
  process.exit(2);
}
const root = resolve(import.meta.dirname, "..");
const vitest = [
  "node_modules/vitest/vitest.mjs",
  "run",
  ...(given.length > 0 ? given : [...files, "--tags-filter=!long"]),
];
const npx = ["--yes", "--package", `node@${version}`, "--", "node"];
// npx is a script on Windows, which only a shell runs.
const options = { cwd: root, stdio: "inherit", shell: process.platform === "win32" };
process.exitCode = spawnSync("npx", [...npx, ...vitest], options).status ?? 1;
