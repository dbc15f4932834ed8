import type { RefCallback } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
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

/** Where there is no room for a column beside the photo; the style sheets have the same width. */
const narrow = "(max-width: 54em)";

/** Whether the page is one column; draws again when that changes. */
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

/** How wide an element is on the screen, in CSS pixels; 0 before it is known. */
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
