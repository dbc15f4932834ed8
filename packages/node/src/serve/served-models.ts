import { basename } from "node:path";
import { WhyboxError } from "@whybox/core";
import { type ResolveWeightsOptions, resolveWeights } from "../models/resolve-weights.js";
import type { ServedModel } from "./protocol.js";

/** Names that are safe in an address. */
const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

/**
 * The models of a command line: each is a file, a URL or the name of known weights, after `name=` if it shall have another name.
 * @throws usage for a name that is invalid or given twice; the errors of `resolveWeights`.
 */
export async function servedModels(
  given: readonly string[],
  how: Pick<ServedModel, "names" | "anchors" | "input" | "device" | "threads">,
  resolving: ResolveWeightsOptions,
): Promise<readonly ServedModel[]> {
  const named = given.map(readGiven);
  const twice = named.find(({ name }, i) => named.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) {
    const message = `Two models have the name "${twice.name}". Give one another name: other=${twice.weights}.`;
    throw new WhyboxError("usage", message);
  }
  const models: ServedModel[] = [];
  for (const { name, weights } of named) {
    const { path, source, licence, notice } = await resolveWeights(weights, resolving);
    models.push({ name, path, source, licence, notice, ...how });
  }
  return models;
}

/** "name=file", or a file whose name without extension is the name. */
function readGiven(given: string): { readonly name: string; readonly weights: string } {
  const at = given.indexOf("=");
  if (at > 0 && NAME.test(given.slice(0, at))) return { name: given.slice(0, at), weights: given.slice(at + 1) };
  const file = basename(given.replace(/[?#].*$/, "").replace(/[\\/]+$/, ""));
  const name = file.replace(/(?<=.)\.[^.]*$/, "").replace(/[^\w.-]/g, "-");
  if (NAME.test(name)) return { name, weights: given };
  throw new WhyboxError("usage", `"${given}" gives no name for the model. Write name=${given}.`);
}
