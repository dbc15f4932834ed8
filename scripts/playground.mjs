// Builds the playground where that is needed and serves it on a free port of loopback: npm run playground [-- --port 8080 --no-open]
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { port: { type: "string", default: "0" }, "no-open": { type: "boolean", default: false } },
});
const built = spawnSync("npm", ["run", "build"], {
  stdio: ["ignore", "inherit", "inherit"],
  shell: process.platform === "win32",
});
if (built.status !== 0) process.exit(built.status ?? 1);

const { main } = await import("../packages/node/dist/cli/main.js");
process.exitCode = await main(["ui", "--port", values.port, ...(values["no-open"] ? ["--no-open"] : [])]);
