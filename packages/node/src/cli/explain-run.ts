import { resolve } from "node:path";
import { WhyboxError } from "@whybox/core";
import { createOutputFolder, defaultOutputParent } from "../images/output-folder.js";
import { execute } from "../runs/execute.js";
import { runItems } from "../runs/schema.js";
import type { CliContext } from "./context.js";
import { type ExitCode, exitCodes } from "./exit-codes.js";
import type { ExplainValues } from "./explain-options.js";
import type { TypedOptions } from "./flags.js";
import { runFlags } from "./run-options.js";
import { createRunSession, markExitCode, markText } from "./run-session.js";
import type { Shown } from "./show.js";

/** Frames of a stream or camera, unless `--max-frames` says otherwise: it may have no end. */
const LIVE_FRAMES = 100;

export interface ExplainRun {
  readonly inputs: readonly string[];
  readonly line: TypedOptions<ExplainValues>;
  /** Why it becomes a run, as the start of a sentence: "a video". */
  readonly reason: string;
  /** Whether there is a stream or a camera. */
  readonly isLive: boolean;
  /** Whether sources come from a list, which may name any address. */
  readonly hasLists: boolean;
}

/**
 * Explains sources as `whybox run` does: into one folder, line by line, resumable. `done` gets the folder when there are results.
 * @throws usage for options that need single images; as `beginRun` and `execute`.
 */
export async function explainAsRun(
  { inputs, line, reason, isLive, hasLists }: ExplainRun,
  context: CliContext,
  done: (shown: Shown) => Promise<void>,
): Promise<ExitCode> {
  refuseImageOptions(line, reason);
  const { values, typed, flag } = line;
  const session = createRunSession(context, values);
  const folder =
    values.out === undefined ? await createOutputFolder(resolve(context.cwd, defaultOutputParent)) : undefined;
  const out = folder?.path ?? resolve(context.cwd, values.out!);
  try {
    const place = session.place(out);
    session.say(
      `${reason}: explained as a run, line by line in ${place} (docs/runs.md). It continues with: whybox run --resume --out ${place}`,
    );
    const maxFrames = values.maxFrames ?? (isLive ? LIVE_FRAMES : undefined);
    if (isLive && values.maxFrames === undefined) {
      session.say(`Of a stream, the first ${LIVE_FRAMES} frames are explained. --max-frames takes another number.`);
    }
    const run = {
      ...{ ...values, box: undefined, save: values.save.filter((kind) => kind !== "json") },
      ...{ recursive: false, split: runFlags.split.default, images: undefined, mapStride: runFlags.mapStride.default },
      ...{ maxFrames, allowPrivate: !hasLists, resume: false, repair: false },
    };
    const opened = await session.begin(
      inputs,
      { values: run, typed, flag },
      {
        ...{ out, workers: undefined, resume: false },
        twice: (repeated) => `${repeated} named more than once, each is explained once`,
      },
    );
    const resume = `To continue: whybox run --resume --out ${place}`;
    return await session.during(opened, resume, async () => {
      const { manifest, explainers } = opened;
      const items = { items: runItems(out), first: 0, end: manifest.items.count };
      const work = { manifest, folder: out, ...items, skipMissing: false, signal: context.signal, ...session.hooks() };
      const started = performance.now();
      const mark = await execute(work, explainers);
      const seconds = (performance.now() - started) / 1000;
      session.say(`${markText(mark)} in ${seconds.toFixed(1)} s; results in ${place}`);
      const code = markExitCode(mark);
      if (code === exitCodes.ok) await done({ path: out, next: `whybox report ${place}` });
      return code;
    });
  } finally {
    await folder?.discardIfEmpty();
  }
}

function refuseImageOptions({ typed, flag }: TypedOptions<ExplainValues>, reason: string): void {
  const wrong = (["json", "box", "measure", "requireDetections"] as const)
    .filter((option) => typed.includes(option))
    .map(flag);
  if (wrong.length === 0) return;
  throw new WhyboxError(
    "usage",
    `${wrong.join(" and ")} ${wrong.length === 1 ? "needs" : "need"} images, but the source is ${reason.toLowerCase()}. Leave ${wrong.length === 1 ? "it" : "them"} out.`,
  );
}
