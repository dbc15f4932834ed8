import type { Answer, Engine, EngineHandle, Failure, OpenRequest } from "@whybox/browser/engine";
import { nextJob } from "./calls.js";

/** A worker that reports when it is out of memory. */
export interface WatchedEngine extends EngineHandle {
  /** Terminates the worker. Pending calls fail with `why`. */
  close(why?: Failure): void;
}

const closedByUs: Failure = { code: "aborted", message: "The engine has restarted." };

/** Calls `onFull` once when a call of this worker fails because it is out of memory. The caller gets its answer afterwards. */
export function watchMemory(handle: EngineHandle, onFull: (failure: Failure) => void): WatchedEngine {
  let told = false;
  let end: (answer: Answer<never>) => void = () => {};
  const ended = new Promise<Answer<never>>((resolve) => {
    end = resolve;
  });
  const watch =
    <T, Rest extends readonly unknown[]>(call: (...rest: Rest) => Promise<Answer<T>>) =>
    async (...rest: Rest): Promise<Answer<T>> => {
      const answer = await Promise.race([call(...rest), ended]);
      if (!answer.ok && answer.failure.code === "memory" && !told) {
        told = true;
        onFull(answer.failure);
      }
      return answer;
    };
  const { engine } = handle;
  const watched: Engine = {
    open: watch(engine.open),
    decode: watch(engine.decode),
    frame: watch(engine.frame),
    detect: watch(engine.detect),
    explain: watch(engine.explain),
    activations: watch(engine.activations),
    draw: watch(engine.draw),
    document: watch(engine.document),
    cancel: engine.cancel,
  };
  const close = (why: Failure = closedByUs): void => {
    told = true;
    handle.close();
    end({ ok: false, failure: why });
  };
  return { engine: watched, close };
}

/** Opens the model and the photo of the previous worker in a new one. Returns the failures. */
export async function restore(
  engine: Engine,
  model: OpenRequest | undefined,
  photo: Blob | undefined,
): Promise<{ readonly model: Failure | undefined; readonly photo: Failure | undefined }> {
  const [opened, decoded] = await Promise.all([
    model && engine.open(nextJob(), model, () => {}),
    photo && engine.decode(nextJob(), photo),
  ]);
  return { model: refusal(opened), photo: refusal(decoded) };
}

/** The failure of an answer. A request that a newer one replaced is not a failure. */
function refusal(answer: Answer<unknown> | undefined): Failure | undefined {
  return answer === undefined || answer.ok || answer.failure.code === "aborted" ? undefined : answer.failure;
}
