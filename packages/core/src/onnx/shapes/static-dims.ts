import type { TensorProto } from "../model.js";

/** A size, or a symbol: two dims with the same symbol have the same size in every run. */
export type StaticDim = number | string;

/** Statically known facts about the values of a graph. */
export interface FactSource {
  /** The known dims of a value. Undefined when its rank is unknown. */
  dims(value: string): readonly StaticDim[] | undefined;
  /** The initializer of that name, if there is one. */
  constant(value: string): TensorProto | undefined;
}
