import type { AnyCamMethod } from "../../methods/index.js";
import type { OptionRows } from "../../options/spec.js";
import type { Score } from "../../scores/score.js";
import { type ExplainOptions, type ExplainValues, explainOptions } from "./options.js";

/** Options of an explanation, checked without a model. */
export interface ReadExplainOptions {
  readonly options: ExplainValues;
  readonly method: AnyCamMethod;
  readonly scores: readonly Score[];
}

/** How the caller gave the options. */
export interface Written {
  /** Whether the option counts as given. Asked for options that only some methods use. */
  given(option: keyof ExplainOptions): boolean;
  /** An option with its value, in the notation of the caller. */
  show(option: keyof ExplainOptions, value?: string): string;
}

/** Returns a message for each pair of options that exclude each other, each missing option, and each option that the method does not use. */
export function contradictions(read: ReadExplainOptions, methods: readonly AnyCamMethod[], written: Written): string[] {
  return [
    ...mapProblems(read, written),
    ...scoreProblems(read, written),
    ...subjectProblems(read, written),
    ...methodProblems(read, methods, written),
  ];
}

function mapProblems({ options, method }: ReadExplainOptions, { show }: Written): string[] {
  const { per, scale, frames, backwardPerClass, measure, box, detections } = options;
  const problems: string[] = [];
  if (backwardPerClass && per !== "image") {
    problems.push(
      `${show("backwardPerClass")} averages over classes, ${show("per", per)} makes one map for each. Use one of the two.`,
    );
  }
  if (frames === "both" && per === "image") {
    problems.push(
      `${show("frames", "both")} applies to the maps of ${show("per")}. The map of the image always has heatmapInput.`,
    );
  }
  if (measure && per !== "detection" && box === undefined && (per !== "image" || detections?.length !== 1)) {
    problems.push(
      `${show("measure")} measures the map of one detection. It needs ${show("per", "detection")} or ${show("box")}.`,
    );
  }
  if (scale === "common" && per === "image") {
    problems.push(
      `${show("scale", "common")} compares several maps of one image. It needs ${show("per", "detection")} or ${show("per", "class")}.`,
    );
  }
  if (scale === "common" && method.searches === true) {
    problems.push(
      `${show("scale", "common")} has no meaning for ${method.id}: its values are ranks, so those of two maps cannot be compared. Use ODAM or GradCAM.`,
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
    problems.push(`The score "contrast" compares two classes. Name the other class with the option ${show("versus")}.`);
  }
  if (versus !== undefined && !contrasts) {
    problems.push(
      `${show("versus")} names the class that the score "contrast" compares with. Leave ${show("backprop")} out, or add contrast to it.`,
    );
  }
  if (method.needs.includes("curvature") && scores.some(({ readsMask }) => readsMask)) {
    problems.push(
      `${method.id} needs second derivatives of the score. They are not supported for the score of a mask. Use another method.`,
    );
  }
  return problems;
}

function subjectProblems({ options }: ReadExplainOptions, { show }: Written): string[] {
  const problems: string[] = [];
  const { box, per, classNames, detections, backwardPerClass } = options;
  const named = classNames.length > 0;
  if (box !== undefined) {
    if (per !== "image") problems.push(`${show("box")} explains one box. Leave ${show("per")} out.`);
    if (named) problems.push(`${show("box")} names its own class. Leave ${show("classNames")} out.`);
    if (backwardPerClass) {
      problems.push(`${show("box")} explains one class. Leave ${show("backwardPerClass")} out.`);
    }
    if (detections !== undefined) {
      problems.push(
        `${show("box")} explains a box that you give, ${show("detections")} explains boxes that were detected. Use one of the two.`,
      );
    }
  }
  if (detections !== undefined && named) {
    problems.push(`${show("detections")} already selects what is explained. Leave ${show("classNames")} out.`);
  }
  return problems;
}

/** Maximum number of other methods that a message lists. */
const MAX_NAMED = 16;

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
    const named = others.length > MAX_NAMED ? "another method" : others.join(", ");
    const instead = others.length === 0 ? "" : `, or use ${named}`;
    problems.push(`${show(option)} has no meaning for ${id}: it ${users.otherwise}. Leave it out${instead}.`);
  }
  if (options.ablateTo !== undefined && options.compat) {
    problems.push(
      `${show("compat")} already sets what replaces a removed channel. Leave out ${show("ablateTo")} or ${show("compat")}.`,
    );
  }
  return problems;
}

const rows: OptionRows = explainOptions;
const keys = Object.keys(explainOptions) as (keyof typeof explainOptions)[];
