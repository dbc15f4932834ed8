import { useContext, useEffect, useState } from "preact/hooks";
import type { Controller } from "../controller.js";
import { filesOf, openFiles } from "./files.js";
import { Header } from "./header.js";
import { later } from "./later.js";
import { LiveContext, type LiveVideo } from "./live-video.js";
import { NoteBar } from "./note-bar.js";
import { Panel } from "./panel.js";
import { RESULT, useResultFocus } from "./result-focus.js";
import { useControllerState } from "./use-state.js";
import { Welcome } from "./welcome.js";

const ComparePane = later(() => import("./compare.js").then((part) => part.ComparePane));
const Stage = later(() => import("./stage.js").then((part) => part.Stage), <section class="stage" />);
const LiveStage = later(() => import("./live-stage.js").then((part) => part.LiveStage));

export function App({ controller }: { readonly controller: Controller }) {
  const state = useControllerState(controller);
  const live = useContext(LiveContext)!;
  const [dragging, setDragging] = useState(false);
  useEffect(() => keysAndPaste(controller, live), [controller]);
  useEffect(() => drops(controller, live, setDragging), [controller]);
  const { phase } = state.photo;
  useResultFocus(state);
  return (
    <>
      <Header controller={controller} state={state} />
      {state.live !== undefined ? (
        <main class="work">
          <LiveStage state={state} />
          <Panel controller={controller} state={state} />
        </main>
      ) : phase === "none" ? (
        <Welcome controller={controller} state={state} />
      ) : (
        <main class="work">
          {state.comparing ? (
            <ComparePane controller={controller} state={state} />
          ) : (
            <Stage controller={controller} state={state} />
          )}
          <Panel controller={controller} state={state} />
        </main>
      )}
      <p class="for-readers" role="status" aria-live="polite">
        {state.said}
      </p>
      <NoteBar controller={controller} state={state} />
      {dragging && <div class="drop-veil">Drop a photo, or a model (.onnx, .pt)</div>}
    </>
  );
}

/** Arrow keys select the next detection, Escape clears the selection, and paste opens a file. Keys in form fields are ignored. */
function keysAndPaste(controller: Controller, live: LiveVideo): () => void {
  const onKey = (event: KeyboardEvent) => {
    const busy =
      event.target instanceof Element && event.target.closest("input, select, textarea, [role=dialog]") !== null;
    if (busy || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key] as 1 | -1 | undefined;
    const onBox = event.target instanceof Element && event.target.closest(".box, .chip") !== null;
    // Up and down scroll the page, unless a box has the focus.
    const isSideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
    const isFree = event.target === document.body || (event.target instanceof Element && event.target.id === RESULT);
    if (by !== undefined && (onBox || (isSideways && isFree))) {
      event.preventDefault();
      controller.step(by);
    }
    if (event.key === "Escape") controller.clear();
  };
  const onPaste = (event: ClipboardEvent) => {
    openFiles(controller, live, filesOf(event.clipboardData));
  };
  addEventListener("keydown", onKey);
  addEventListener("paste", onPaste);
  return () => {
    removeEventListener("keydown", onKey);
    removeEventListener("paste", onPaste);
  };
}

/** Opens files that are dropped anywhere on the page. */
function drops(controller: Controller, live: LiveVideo, setDragging: (on: boolean) => void): () => void {
  const listening = new AbortController();
  const { signal } = listening;
  const over = (event: DragEvent) => {
    event.preventDefault();
    setDragging(true);
  };
  const leave = (event: DragEvent) => event.relatedTarget === null && setDragging(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setDragging(false);
    openFiles(controller, live, filesOf(event.dataTransfer));
  };
  addEventListener("dragover", over, { signal });
  addEventListener("dragleave", leave, { signal });
  addEventListener("drop", drop, { signal });
  return () => listening.abort();
}
