import { pythonDict } from "../detector/python-names.js";
import { WhyboxError } from "../errors.js";
import type { Graph } from "../onnx/model.js";

/** What the file of a detector does not say. */
export interface RestoreOptions {
  /** Class names in order of their indices, one for each class of the head. */
  readonly names?: readonly string[];
  /** Further entries for the model's metadata, such as origin and licence. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The only input of a graph, if it is a batch of RGB images of fixed size. */
export function fixedInput({ inputs }: Graph): { name: string; size: readonly [number, number] } | undefined {
  const [input, ...more] = inputs;
  const [, C, H, W] = input?.shape ?? [];
  const fits = more.length === 0 && C === 3 && typeof H === "number" && typeof W === "number";
  return input !== undefined && fits ? { name: input.name, size: [H, W] } : undefined;
}

/**
 * The metadata of a restored model.
 * @throws usage when the number of `names` is not the number of classes.
 */
export function restoredMetadata(
  stride: number,
  classes: number,
  { names, metadata = {} }: RestoreOptions,
): Map<string, string> {
  if (names !== undefined && names.length !== classes) {
    throw new WhyboxError("usage", `The model has ${classes} classes, but ${names.length} names were given.`, {
      details: { classes, names: names.length },
    });
  }
  const named = names === undefined ? {} : { names: pythonDict(names) };
  return new Map(Object.entries({ stride: String(stride), ...named, ...metadata }));
}
