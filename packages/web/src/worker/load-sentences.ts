import { sentencesAddress } from "virtual:sentences";
import type { Sentences } from "./sentences.js";

let loading: Promise<Sentences> | undefined;

/** The engine's sentences, loaded once; a failure is tried again. */
export function loadSentences(): Promise<Sentences> {
  loading ??= fetch(sentencesAddress).then((answer) => answer.json() as Promise<Sentences>);
  return loading.catch((error) => {
    loading = undefined;
    throw error;
  });
}
