import { WhyboxError } from "../../errors.js";

/** Accessors for untrusted JSON. They read own keys only, check every type, and limit every length. */

export function broken(what: string, cause?: unknown): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `TF.js model: ${what}. Expected the model.json of a TF.js graph model; export it again.`,
    cause === undefined ? {} : { cause },
  );
}

export function objectOf(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw broken(`${where} is no object`);
  return value as Readonly<Record<string, unknown>>;
}

export function arrayOf(value: unknown, where: string, limit: number): readonly unknown[] {
  if (!Array.isArray(value)) throw broken(`${where} is no list`);
  if (value.length > limit) throw broken(`${where} has ${value.length} entries, the limit is ${limit}`);
  return value;
}

export function stringOf(value: unknown, where: string): string {
  if (typeof value !== "string") throw broken(`${where} is no text`);
  return value;
}

/** An integer. May be written as text ("640"), as protobuf's JSON form does for int64. */
export function integerOf(value: unknown, where: string): number {
  const number = typeof value === "string" && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number)) throw broken(`${where} is no integer`);
  return number;
}

/** A shape without unknown sizes. */
export function dimsOf(value: unknown, where: string, maxRank: number): number[] {
  return arrayOf(value, where, maxRank).map((dim, i) => {
    const size = integerOf(dim, `${where}[${i}]`);
    if (size < 0) throw broken(`${where}[${i}] is ${size}`);
    return size;
  });
}

export function optional(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function at(object: Readonly<Record<string, unknown>>, key: string, where: string): unknown {
  const value = optional(object, key);
  if (value === undefined) throw broken(`${where} has no "${key}"`);
  return value;
}
