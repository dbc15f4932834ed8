import { useEffect, useRef } from "preact/hooks";
import type { State } from "../controller/state.js";

/** The heading of the answer. It takes the focus when the result of a new photo or of an asked box is there. */
export const RESULT = "result";

/** Moves the focus to the result, unless the user has moved it elsewhere in the meantime. */
export function useResultFocus({ photo, ownBox, found, map }: State): void {
  const file = photo.phase === "none" ? undefined : photo.file;
  const answered = useRef<readonly unknown[]>([undefined, undefined]);
  const isThere = found.phase === "ready" && (map.shown !== undefined || found.list.length === 0);
  useEffect(() => {
    if (!isThere) return;
    const [lastFile, lastBox] = answered.current;
    if (file === lastFile && (ownBox === undefined || ownBox === lastBox)) return;
    answered.current = [file, ownBox];
    const { activeElement } = document;
    // The control that asked is gone, or is the file field of the header.
    const isFree = activeElement === document.body || activeElement?.matches("input[type=file]") === true;
    if (isFree) document.getElementById(RESULT)?.focus({ preventScroll: true });
  }, [isThere, file, ownBox]);
}
