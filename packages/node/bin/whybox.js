#!/usr/bin/env node
import { startWorker } from "../dist/bin/early-worker.js";

const words = process.argv.slice(2);
// Before the modules of the command are loaded. Nothing is explained for --help.
if (words[0] === "explain" && !words.includes("--help")) startWorker();
const { main } = await import("../dist/bin/main.js");
process.exitCode = await main(words);
