import {
  type AnyCamMethod,
  contradictions,
  defaultScores,
  detectDefaults,
  type ExplainOptions,
  type ReadExplainOptions,
  readMethod,
  WhyboxError,
} from "@whybox/core";
import { type ImageValues, perOf } from "./explain-options.js";
import type { TypedOptions } from "./flags.js";

export interface CommandLine
  extends TypedOptions<ImageValues & { readonly class?: string | undefined; readonly measure?: boolean }> {
  /** Sources as typed. */
  readonly sources: readonly string[];
}

/**
 * Checks for options that exclude each other or need another option.
 * @throws usage: all problems at once. Each one names the options as they were typed and says what to do.
 */
export function refuseContradictions(line: CommandLine, methods: readonly AnyCamMethod[]): void {
  const { values, typed, flag } = line;
  const per = perOf(values, typed);
  const perFlag = typed.includes("per") ? flag("per") : flag("perDetection");
  // The thresholds have no part in contradictions.
  const options = { measure: false, ...values, ...detectDefaults("detect"), per };
  const read = readMethod(options, methods, defaultScores);
  const problems = [
    ...perProblems(values, per),
    ...boxProblems(line),
    ...contradictions(read, methods, {
      given: (option) => isGiven(option, line),
      show: (option, value) => {
        const shown = option === "per" && value === undefined ? perFlag : flag(option);
        return value === undefined ? shown : `${shown} ${value}`;
      },
    }),
    ...contrastProblems(read, values.class),
    ...drawingProblems(line),
  ];
  if (problems.length > 0) throw new WhyboxError("usage", problems.join("\n"), { details: { problems } });
}

/** Whether an option counts as given. "auto" does not count: methods that read no layer accept it too. */
function isGiven(option: keyof ExplainOptions, { values, typed }: CommandLine): boolean {
  return typed.includes(option) && (option !== "layer" || values.layer !== "auto");
}

function perProblems({ perDetection }: ImageValues, per: ImageValues["per"]): string[] {
  if (!perDetection || per === "detection") return [];
  return [`--per-detection means --per detection and contradicts --per ${per}. Use one of the two.`];
}

function boxProblems({ values, sources, flag }: CommandLine): string[] {
  const { box } = values;
  if (box === undefined) {
    if (values.class === undefined) return [];
    return ["--class needs --box. Add --box, or use --class-names."];
  }
  const problems: string[] = [];
  const { x1, y1, x2, y2 } = box;
  if (values.class === undefined) problems.push(`${flag("box")} needs --class. Add the class to explain in the box.`);
  if (!(x1 < x2 && y1 < y2)) {
    const found = [x1, y1, x2, y2].join(" ");
    problems.push(`--box: expected left, top, right, bottom with left < right and top < bottom, got ${found}.`);
  }
  if (sources.length > 1) problems.push(`--box needs a single image, got ${sources.length} sources.`);
  return problems;
}

function contrastProblems({ options: { versus, classNames } }: ReadExplainOptions, asked?: string): string[] {
  const explained = asked === undefined ? classNames : [asked];
  if (versus === undefined || explained.length !== 1 || explained[0]!.toLowerCase() !== versus.toLowerCase()) return [];
  return [`--versus needs a class other than the explained one, got ${versus}.`];
}

function drawingProblems({ values, typed }: CommandLine): string[] {
  if (values.crop && values.cropKeep) return ["--crop and --crop-keep exclude each other. Use one of the two."];
  const colours = (["colormap", "opacity"] as const).filter((option) => typed.includes(option));
  if (!(values.crop || values.cropKeep) || colours.length === 0) return [];
  const flag = values.crop ? "--crop" : "--crop-keep";
  return [`${flag} draws no heatmap, so ${colours.map((option) => `--${option}`).join(" and ")} would have no effect.`];
}
