import { Command } from "commander";
import { addConvert } from "./commands/convert.js";
import { addExplain } from "./commands/explain.js";
import { addExport } from "./commands/export.js";
import { addInspect } from "./commands/inspect.js";
import { addMethods } from "./commands/methods.js";
import { addReport } from "./commands/report.js";
import { addRun } from "./commands/run.js";
import { addShard } from "./commands/shard.js";
import { addSubmit } from "./commands/submit.js";
import { addUi } from "./commands/ui.js";
import { addWorker } from "./commands/worker.js";
import type { CliContext } from "./context.js";
import { type ExitCode, exitCodeMeanings } from "./exit-codes.js";

export const commandNames = [
  "explain",
  "run",
  "inspect",
  "methods",
  "convert",
  "report",
  "export",
  "shard",
  "submit",
  "worker",
  "ui",
] as const;

/**
 * Declares the command line for commander. It never ends the process: commander throws its exits as CommanderError. `done` gets the
 * exit code of a command that may end with another one than `ok`.
 */
export function createProgram(context: CliContext, done: (code: ExitCode) => void): Command {
  const program = new Command("whybox")
    .description("Why did the detector draw that box? Heatmaps for YOLO models, from the deployed ONNX file.")
    .version(context.version, "--version", "print the version")
    .helpOption("--help", "print this help")
    // Options after a command belong to the command, and "--" keeps its meaning there.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      // Usage errors are thrown. `main` prints them like every other error.
      writeErr: () => {},
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText("after", `${examples}\n\n${exitCodeHelp()}`);
  addExplain(program, context, done);
  addRun(program, context, done);
  addInspect(program, context);
  addMethods(program, context);
  addConvert(program, context);
  addReport(program, context);
  addExport(program, context);
  addShard(program, context, done);
  addSubmit(program, context, done);
  addWorker(program, context);
  addUi(program, context);
  return program;
}

const examples = `
Examples:
  whybox explain dog.jpg
  whybox explain photos --weights best.onnx --out results
  whybox run photos --recursive --out night
  whybox inspect best.onnx
  whybox methods
  whybox convert best.pt best.onnx
  whybox ui`;

function exitCodeHelp(): string {
  const rows = exitCodeMeanings.toSorted(([a], [b]) => a - b);
  return ["Exit codes:", ...rows.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`)].join("\n");
}
