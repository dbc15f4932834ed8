import { decodeModel, externalDataFiles, modelFormat, WhyboxError } from "@whybox/core";
import type { OnProgress, Weights } from "../protocol.js";
import { MAX_MODEL_BYTES as MAX_BYTES } from "./limits.js";

type FromUrl = Extract<Weights, { readonly kind: "url" }>;
type FromFile = Extract<Weights, { readonly kind: "file" }>;

/** Fetches a model, and the files with its weights beside it. @throws download, limit, aborted. */
export async function fetchModel(
  { url, beside }: FromUrl,
  tell: OnProgress,
  signal: AbortSignal,
): Promise<Omit<FromFile, "kind">> {
  const name = nameIn(url);
  const fetched = new Fetched(tell, signal);
  const model = await fetched.blob(url);
  const files = [...beside];
  for (const path of await neededBy(model)) {
    const own = path.split("/").at(-1)!;
    if (!files.some((file) => file.name === own)) files.push(new File([await fetched.blob(inside(url, path))], own));
  }
  return { name, file: model, beside: files };
}

function nameIn(url: string): string {
  return decodeURIComponent(new URL(url).pathname.split("/").at(-1) || "model");
}

/** The names of the files with the weights of an ONNX model. */
async function neededBy(model: Blob): Promise<readonly string[]> {
  const bytes = new Uint8Array(await model.arrayBuffer());
  return modelFormat(bytes) === "onnx" ? externalDataFiles(decodeModel(bytes)) : [];
}

/** The URL of a file beside a model. @throws bad-input if it is not in the model's folder. */
function inside(model: string, path: string): string {
  const url = new URL(path.split("/").map(encodeURIComponent).join("/"), model);
  url.search = new URL(model).search;
  if (url.href.startsWith(new URL(".", model).href)) return url.href;
  throw new WhyboxError(
    "bad-input",
    `The model keeps weights in "${path.slice(0, 200)}", which is not in its folder. Pass the file in externalData.`,
  );
}

/** The files of one model. Together they may have 1.5 GB. */
class Fetched {
  readonly #tell: OnProgress;
  readonly #signal: AbortSignal;
  #done = 0;

  constructor(tell: OnProgress, signal: AbortSignal) {
    this.#tell = tell;
    this.#signal = signal;
  }

  async blob(url: string): Promise<Blob> {
    try {
      const answer = await fetch(url, { signal: this.#signal });
      if (!answer.ok || answer.body === null) throw refuse(url, `the server answered ${answer.status}`);
      const length = Number(answer.headers.get("content-length") ?? 0);
      const total = length > 0 ? this.#done + length : undefined;
      return await new Response(answer.body.pipeThrough(this.#counting(url, total))).blob();
    } catch (cause) {
      if (cause instanceof WhyboxError) throw cause;
      if (this.#signal.aborted) throw new WhyboxError("aborted", "The download was aborted.", { cause });
      throw refuse(url, "there is no answer, or the server does not allow this page to read it (CORS)", cause);
    }
  }

  #counting(url: string, total: number | undefined): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
    return new TransformStream({
      transform: (chunk, controller) => {
        this.#done += chunk.length;
        if (this.#done > MAX_BYTES) {
          throw new WhyboxError("limit", `${url} has more than ${MAX_BYTES / 1e6} MB, the limit in the browser.`);
        }
        this.#tell({ stage: "download", done: this.#done, total });
        controller.enqueue(chunk);
      },
    });
  }
}

function refuse(url: string, reason: string, cause?: unknown): WhyboxError {
  return new WhyboxError("download", `${url} cannot be fetched: ${reason}. Check the address.`, { cause });
}
