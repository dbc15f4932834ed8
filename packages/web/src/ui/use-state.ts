import type { RefCallback } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import type { State } from "../controller/state.js";
import type { Controller } from "../controller.js";

/** Returns the controller's state. The component renders again when it changes. */
export function useControllerState(controller: Controller): State {
  const [state, setState] = useState(controller.state);
  useEffect(() => {
    setState(controller.state);
    return controller.subscribe(() => setState(controller.state));
  }, [controller]);
  return state;
}

/** Below this width there is no room for a column beside the photo. The style sheets use the same width. */
const narrow = "(max-width: 54em)";

/** Returns whether the page has one column. The component renders again when that changes. */
export function useNarrow(): boolean {
  const [is, setIs] = useState(() => matchMedia(narrow).matches);
  useEffect(() => {
    const query = matchMedia(narrow);
    const onChange = () => setIs(query.matches);
    query.addEventListener("change", onChange);
    return () => query.removeEventListener("change", onChange);
  }, []);
  return is;
}

/** An object URL of a file. It is revoked when the file changes. */
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

/** The width of an element on the screen in CSS pixels. It is 0 until it is known. */
export function useShownWidth(): readonly [ref: RefCallback<HTMLElement>, width: number] {
  const [width, setWidth] = useState(0);
  const [watcher] = useState(() => new ResizeObserver(([entry]) => setWidth(entry!.contentRect.width)));
  const ref = useCallback(
    (element: HTMLElement | null) => {
      watcher.disconnect();
      if (element !== null) watcher.observe(element);
    },
    [watcher],
  );
  return [ref, width];
}
