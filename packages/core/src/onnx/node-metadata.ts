import { readEntry } from "./decode-tensor.js";
import type { Node } from "./model.js";
import { MessageBudget, MessageReader } from "./wire.js";

/** Number of NodeProto.metadata_props (IR 10). The reader keeps it among the unknown fields. */
const METADATA_PROPS = 9;
/** An entry has a key and a value. Exporters write about ten entries. */
const MAX_MESSAGES = 1000;

/** The metadata of a node, as exporters since IR 10 write it ("pkg.torch.onnx.name_scopes"). */
export function nodeMetadata({ unknown = [] }: Node): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  const budget = new MessageBudget(MAX_MESSAGES);
  for (const field of unknown) {
    const reader = new MessageReader(field, "node", budget);
    if (reader.next() && reader.field === METADATA_PROPS) readEntry(reader.message("metadata_props"), entries);
  }
  return entries;
}
