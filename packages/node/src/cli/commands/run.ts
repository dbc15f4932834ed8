import type { Command } from "commander";
import { execute } from "../../runs/execute.js";
import { type OpenedRun, openRun } from "../../runs/open-run.js";
import { refuseOtherMaps } from "../../runs/sample/measure-run.js";
import { runItems } from "../../runs/schema.js";
import { count } from "../../words.js";
import type { CliContext } from "../context.js";
import { refuseContradictions } from "../contradictions.js";
import { type ExitCode, worstExitCode } from "../exit-codes.js";
import { declareFlags, readFlags, type TypedOptions } from "../flags.js";
import { type RunFlags, type RunValues, runFlags, runFolder } from "../run-options.js";
import { createRunSession, markExitCode, markText, type RunSession } from "../run-session.js";

const examples = `
Examples:
  whybox run photos --recursive --out night
  whybox run --out night --resume
  whybox run data.yaml --split val --weights best.onnx --method GradCAM --out val --parquet
  whybox run photos --out night --measure 60
  whybox run clip.mp4 --vid-stride 5 --out clip
  find . -name "*.jpg" | whybox run - --out night

A stopped or crashed run continues with --resume. No source is lost, and none is explained twice. --repair is for a run with damaged
files, as after a power failure.`;

/** Adds `whybox run` to the program; `done` gets the exit code. */
export function addRun(program: Command, context: CliContext, done: (code: ExitCode) => void): void {
  const command = program
    .command("run [source...]")
    .summary("explain many sources into one folder, resumable after a crash")
    .description(
      "Explains every source and writes the results into one folder, line by line, for the report and for programs (docs/runs.md).\n" +
        "A source is an image, a folder, a quoted glob, an http(s) URL, a list (.txt, COCO .json, YOLO .yaml), - (a list on stdin,\n" +
        "one source per line), a video, a stream (rtsp://…), or a camera (/dev/video0). With --resume, sources are optional.",
    );
  declareFlags(command, runFlags, context.methods)
    .addHelpText("after", examples)
    .action(async (inputs: string[]) => {
      const read = readFlags<RunFlags, typeof runFlags>(command, runFlags, context.methods);
      const line = { ...read, values: { ...read.values, box: undefined } };
      const folder = runFolder(line, inputs, context.cwd);
      const { measure } = line.values;
      const checked = { ...line, values: { ...line.values, measure: measure !== undefined } };
      refuseContradictions({ ...checked, sources: inputs }, context.methods);
      done(await run(inputs, line, folder, context));
    });
}

async function run(
  inputs: readonly string[],
  line: TypedOptions<RunValues>,
  out: string,
  context: CliContext,
): Promise<ExitCode> {
  const { skipMissing, parquet, measure } = line.values;
  const session = createRunSession(context, line.values);
  const opened = await open(inputs, line, out, session);
  if (measure !== undefined) refuseOtherMaps(opened.manifest);
  const more = measure === undefined ? "" : ` --measure ${measure}`;
  const resume = `To continue: whybox run --resume --out ${session.place(out)}${more}`;
  return session.during(opened, resume, async () => {
    const { manifest, folder, explainers } = opened;
    const items = { items: runItems(folder), first: 0, end: manifest.items.count };
    const work = { manifest, folder, ...items, skipMissing, signal: context.signal, ...session.hooks() };
    if (line.values.repair) await session.repair(work);
    const mark = await execute(work, explainers);
    if (parquet) await session.parquet(opened);
    session.say(`${markText(mark)}; results in ${session.place(out)}`);
    return worstExitCode([markExitCode(mark), await session.measure(opened, { measure, skipMissing })]);
  });
}

/** Opens the run in the folder. With sources, starts a run if there is none. */
async function open(
  inputs: readonly string[],
  line: TypedOptions<RunValues>,
  out: string,
  session: RunSession,
): Promise<OpenedRun> {
  const { workers, repair } = line.values;
  const resume = line.values.resume || repair;
  if (inputs.length === 0) return openRun(out, session.load(workers)).finally(session.clear);
  return session.begin(inputs, line, {
    ...{ out, workers, resume },
    twice: (repeated) => `${count(repeated, "source")} named more than once, each is explained once`,
  });
}
