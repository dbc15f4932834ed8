import { Command } from "commander";
import type { CliContext } from "./context.js";
import { type ExitCode, exitCodeMeanings } from "./exit-codes.js";

type AddCommand = (program: Command, context: CliContext, done: (code: ExitCode) => void) => void;

/** The commands, in the order of the help. The modules of a command are loaded when it is declared. */
const commands = {
  explain: async () => (await import("./commands/explain.js")).addExplain,
  run: async () => (await import("./commands/run.js")).addRun,
  inspect: async () => (await import("./commands/inspect.js")).addInspect,
  methods: async () => (await import("./commands/methods.js")).addMethods,
  convert: async () => (await import("./commands/convert.js")).addConvert,
  report: async () => (await import("./commands/report.js")).addReport,
  compare: async () => (await import("./commands/compare.js")).addCompare,
  check: async () => (await import("./commands/check.js")).addCheck,
  export: async () => (await import("./commands/export.js")).addExport,
  evidence: async () => (await import("./commands/evidence.js")).addEvidence,
  shard: async () => (await import("./commands/shard.js")).addShard,
  submit: async () => (await import("./commands/submit.js")).addSubmit,
  worker: async () => (await import("./commands/worker.js")).addWorker,
  mcp: async () => (await import("./commands/mcp.js")).addMcp,
  serve: async () => (await import("./commands/serve.js")).addServe,
  ui: async () => (await import("./commands/ui.js")).addUi,
  completion: async () => (await import("./commands/completion.js")).addCompletion,
} satisfies Record<string, () => Promise<AddCommand>>;

type CommandName = keyof typeof commands;

export const commandNames = Object.keys(commands) as CommandName[];

/**
 * Declares the command line for commander. It never ends the process: commander throws its exits as CommanderError. `done` gets the
 * exit code of a command that may end with another one than `ok`. If `word`, the first one of the command line, names a command, only this
 * command is declared: the modules of all take longer to load than those of one.
 */
export async function createProgram(
  context: CliContext,
  done: (code: ExitCode) => void,
  word?: string,
): Promise<Command> {
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
  // Completion is made from the declarations of all commands.
  const named = word === "completion" ? undefined : commandNames.find((name) => name === word);
  for (const name of named === undefined ? commandNames : [named]) {
    const add: AddCommand = await commands[name]();
    add(program, context, done);
  }
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
  whybox serve best.onnx
  whybox ui`;

function exitCodeHelp(): string {
  const rows = exitCodeMeanings.toSorted(([a], [b]) => a - b);
  return ["Exit codes:", ...rows.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`)].join("\n");
}
