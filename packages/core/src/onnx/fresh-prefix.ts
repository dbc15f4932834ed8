import type { Model } from "./model.js";
import { withSubgraphs } from "./subgraphs.js";

/** Returns a prefix that no name in the model starts with, so that `prefix + anything` is a new name in all of its graphs. */
export function freshPrefix(model: Model, wish: string): string {
  const taken = new Set<string>();
  const note = (name: string): void => {
    if (name.startsWith(wish)) taken.add(name);
  };
  for (const graph of withSubgraphs(model.graph)) {
    for (const value of [...graph.inputs, ...graph.outputs, ...graph.valueInfo]) note(value.name);
    for (const name of graph.initializers.keys()) note(name);
    for (const node of graph.nodes) {
      note(node.name);
      node.inputs.forEach(note);
      node.outputs.forEach(note);
    }
  }
  const names = [...taken];
  let prefix = wish;
  for (let i = 1; names.some((name) => name.startsWith(prefix)); i++) prefix = `${wish}${i}_`;
  return prefix;
}
