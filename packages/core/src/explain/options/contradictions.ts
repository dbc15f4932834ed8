import type { AnyCamMethod } from "../../methods/index.js";
import type { OptionRows } from "../../options/spec.js";
import type { Score } from "../../scores/score.js";
import { type ExplainOptions, type ExplainValues, explainOptions } from "./options.js";

/** Options of an explanation as far as they are known without a model. */
export interface ReadExplainOptions {
  readonly options: ExplainValues;
  readonly method: AnyCamMethod;
  readonly scores: readonly Score[];
}

/** How the caller wrote the options. */
export interface Written {
  /** Whether the option counts as given, for options that only some methods use. */
  given(option: keyof ExplainOptions): boolean;
  /** An option, with a value, as the caller would write it. */
  show(option: keyof ExplainOptions, value?: string): string;
}

/** Options that exclude each other, need another one, or have no meaning for the method: one message for each. */
export function contradictions(read: ReadExplainOptions, methods: readonly AnyCamMethod[], written: Written): string[] {
  return [
    ...mapProblems(read, written),
    ...scoreProblems(read, written),
    ...subjectProblems(read, written),
    ...methodProblems(read, methods, written),
  ];
}

function mapProblems({ options, method }: ReadExplainOptions, { show }: Written): string[] {
  const { per, scale, frames, backwardPerClass } = options;
  const problems: string[] = [];
  if (backwardPerClass && per !== "image") {
    problems.push(
      `${show("backwardPerClass")} averages over classes, ${show("per", per)} keeps them apart; give one of the two.`,
    );
  }
  if (frames === "both" && per === "image") {
    problems.push(
      `${show("frames", "both")} is for the maps of ${show("per")}; the image's own map always has its heatmapInput.`,
    );
  }
  if (scale === "common" && per === "image") {
    problems.push(
      `${show("scale", "common")} compares the maps of one image; it needs ${show("per", "detection")} or ${show("per", "class")}.`,
    );
  }
  if (scale === "common" && method.fuse !== undefined) {
    problems.push(
      `${show("scale", "common")} has no meaning for ${method.id}, which scales each layer's map before it fuses them. Use ODAM or GradCAM.`,
    );
  }
  return problems;
}

function scoreProblems({ options: { versus }, scores, method }: ReadExplainOptions, { show }: Written): string[] {
  const problems: string[] = [];
  const contrasts = scores.some(({ id }) => id === "contrast");
  if (versus === undefined && contrasts) {
    problems.push(`The score "contrast" compares two classes; name the other class with the option ${show("versus")}.`);
  }
  if (versus !== undefined && !contrasts) {
    problems.push(
      `${show("versus")} names the class that the score "contrast" compares with; leave ${show("backprop")} out, or add contrast to it.`,
    );
  }
  if (method.needs.includes("curvature") && scores.some(({ readsMask }) => readsMask)) {
    problems.push(
      `${method.id} takes second derivatives of the score, and the score of a mask has none here. Use another method.`,
    );
  }
  return problems;
}

function subjectProblems({ options }: ReadExplainOptions, { show }: Written): string[] {
  const problems: string[] = [];
  const { box, per, classNames, detections, backwardPerClass } = options;
  const named = classNames.length > 0;
  if (box !== undefined) {
    if (per !== "image") problems.push(`${show("box")} explains one box; leave ${show("per")} out.`);
    if (named) problems.push(`${show("box")} names its own class; leave ${show("classNames")} out.`);
    if (backwardPerClass) {
      problems.push(`${show("box")} explains one class; leave ${show("backwardPerClass")} out.`);
    }
    if (detections !== undefined) {
      problems.push(
        `${show("box")} explains a box of your own, ${show("detections")} some that were found. Give one of the two.`,
      );
    }
  }
  if (detections !== undefined && named) {
    problems.push(`${show("detections")} says what is explained; leave ${show("classNames")} out.`);
  }
  return problems;
}

/** As many other methods are named in a message. */
const MOST_NAMED = 16;

function methodProblems(
  { options, method }: ReadExplainOptions,
  methods: readonly AnyCamMethod[],
  { given, show }: Written,
): string[] {
  const problems: string[] = [];
  const id = options.method === undefined ? `${method.id}, the default here` : method.id;
  for (const option of keys) {
    const { methods: users } = rows[option]!;
    if (users === undefined || users.use(method) || !given(option)) continue;
    const others = methods.filter(users.use).map((one) => one.id);
    const named = others.length > MOST_NAMED ? "another method" : others.join(", ");
    const instead = others.length === 0 ? "" : `, or use ${named}`;
    problems.push(`${show(option)} has no meaning for ${id}: it ${users.otherwise}. Leave it out${instead}.`);
  }
  if (options.ablateTo !== undefined && options.compat) {
    problems.push(
      `${show("compat")} already says what replaces a removed channel; leave ${show("ablateTo")} out, or ${show("compat")}.`,
    );
  }
  return problems;
}

const rows: OptionRows = explainOptions;
const keys = Object.keys(explainOptions) as (keyof typeof explainOptions)[];
