import { useEffect, useState } from "preact/hooks";
import type { State } from "../controller/state.js";
import type { Controller } from "../controller.js";

/** The controller's state; draws again when it changes. */
export function useControllerState(controller: Controller): State {
  const [state, setState] = useState(controller.state);
  useEffect(() => {
    setState(controller.state);
    return controller.subscribe(() => setState(controller.state));
  }, [controller]);
  return state;
}

/** An address for a file's bytes, given back when the file changes. */
export function useObjectUrl(file: Blob | undefined): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (file === undefined) return setUrl(undefined);
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url;
}
