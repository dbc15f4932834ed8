import type { Detection } from "@whybox/core";
import type { Scene } from "./map-maker.js";
import type { Subject } from "./requests.js";
import type { State } from "./state.js";

export function listOf({ found }: State): readonly Detection[] {
  return found.phase === "ready" ? found.list : [];
}

export function shownOf(state: State): readonly Detection[] {
  const { classFilter } = state.settings;
  return listOf(state).filter(({ className }) => classFilter === "" || className === classFilter);
}

/** The subject of the map. Undefined if nothing is selected. */
export function subjectOf({ selection, ownBox, whole, found }: State): Subject | undefined {
  if (found.phase !== "ready") return undefined;
  if (ownBox !== undefined) return { kind: "box", box: ownBox };
  if (selection.length > 0) return { kind: "detections", indices: selection };
  return whole ? { kind: "image" } : undefined;
}

export function sceneOf(state: State): Scene {
  return { settings: state.settings, list: listOf(state) };
}

/** The detection after or before the last selected one. It wraps around at the ends. Undefined if there are no detections. */
export function neighbourOf(state: State, by: 1 | -1): Detection | undefined {
  const shown = shownOf(state);
  const at = shown.findIndex(({ index }) => index === state.selection.at(-1));
  return at < 0 ? shown.at(by > 0 ? 0 : -1) : shown[(at + by + shown.length) % shown.length];
}

/** The file of the photo. @throws when there is none */
export function photoOf({ photo }: State): Blob {
  if (photo.phase === "none") throw new Error("No photo is open yet.");
  return photo.file;
}
