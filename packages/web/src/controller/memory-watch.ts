import type { Answer, Engine, Failure, OpenRequest } from "../protocol.js";
import { nextJob } from "./calls.js";

/** The worker as the controller sees it. */
export interface EngineHandle {
  readonly engine: Engine;
  /** Ends the worker and all that lives in it. */
  close(): void;
}

/** A worker whose memory is watched. */
export interface WatchedEngine extends EngineHandle {
  /** Ends the worker. Calls that it has not answered yet fail with `why`. */
  close(why?: Failure): void;
}

const closedByUs: Failure = { code: "aborted", message: "The engine was started anew." };

/** Tells once, by `onFull`, that a call of this worker has failed for want of memory, before the caller gets the answer. */
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

/** Gives a new worker the model and the photo that the last one had. Says what it could not take. */
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

/** Why not; that something newer came instead is no failure. */
function refusal(answer: Answer<unknown> | undefined): Failure | undefined {
  return answer === undefined || answer.ok || answer.failure.code === "aborted" ? undefined : answer.failure;
}
