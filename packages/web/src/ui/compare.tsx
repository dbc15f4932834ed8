import { percent } from "@whybox/report";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { methodChoices, methodOf } from "../controller/methods.js";
import { MAX_COMPARED } from "../controller/settings.js";
import type { Compared, State } from "../controller/state.js";
import type { Controller } from "../controller.js";
import type { Size } from "./beside.js";
import { Button } from "./button.js";
import { LookBar } from "./look-bar.js";
import { questionText } from "./reading.js";
import { Runs } from "./runs.js";
import { failureText, milliseconds } from "./texts.js";
import { useObjectUrl } from "./use-state.js";
import { lookOf } from "./why-box.js";

/** The zoom and the offset that all tiles share. */
interface View {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}

const whole: View = { zoom: 1, x: 0, y: 0 };

/** The same box explained by several methods. All tiles share one zoom and one offset. */
export function ComparePane({ controller, state }: { readonly controller: Controller; readonly state: State }) {
  const [view, setView] = useState<View>(whole);
  const { settings, compared, photo } = state;
  const url = useObjectUrl(photo.phase === "ready" ? photo.file : undefined);
  useLayoutEffect(() => scrollTo({ top: 0 }), []);
  if (photo.phase !== "ready") return <section class="stage" />;
  const zoomBy = (factor: number) => setView(zoomed(view, factor, 0.5, 0.5));
  const without = methodChoices.filter(({ id }) => !settings.compare.includes(id));
  return (
    <section
      class="stage is-comparing"
      aria-label="Comparison of methods"
      style={{ "--ratio": photo.facts.width / photo.facts.height, ...gridOf(compared.length) }}
    >
      <h2 class="question">{questionText(state)}</h2>
      <div class="row compare-bar">
        <Button class="button quiet" onClick={() => controller.compare(false)}>
          Back to one method
        </Button>
        <div class="row">
          <Button class="button quiet" aria-label="Zoom out" onClick={() => zoomBy(1 / 1.5)}>
            −
          </Button>
          <Button class="button quiet" aria-label="Zoom in" onClick={() => zoomBy(1.5)}>
            +
          </Button>
          <Button class="button quiet" onClick={() => setView(whole)}>
            Fit
          </Button>
        </div>
        <select
          class="add-method"
          aria-label="Add a method"
          value=""
          disabled={settings.compare.length >= MAX_COMPARED}
          onChange={({ currentTarget }) => controller.set({ compare: [...settings.compare, currentTarget.value] })}
        >
          <option value="">Add a method…</option>
          {without.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </div>
      <ul class="tiles">
        {compared.map((one) => (
          <li key={one.method}>
            <Tile one={one} state={state} url={url} size={photo.facts} view={view} onView={setView} />
            <p class="tile-text">
              <Button
                class="link is-strong"
                title="Show only this method"
                aria-label={`Show only ${methodOf(one.method).title}`}
                onClick={() => {
                  controller.compare(false);
                  controller.set({ method: one.method });
                }}
              >
                {methodOf(one.method).title}
              </Button>
              <TileNumbers one={one} />
              {settings.compare.length > 1 && (
                <Button
                  class="link"
                  aria-label={`Remove ${methodOf(one.method).title}`}
                  onClick={() => controller.set({ compare: settings.compare.filter((id) => id !== one.method) })}
                >
                  Remove
                </Button>
              )}
            </p>
          </li>
        ))}
      </ul>
      <LookBar controller={controller} state={state} />
    </section>
  );
}

/** Four tiles are two by two. Otherwise a row has up to three tiles. */
function gridOf(count: number) {
  const columns = Math.max(1, count === 4 ? 2 : Math.min(count, 3));
  return { "--columns": columns, "--rows": Math.max(1, Math.ceil(count / columns)) };
}

function TileNumbers({ one: { method, map, progress, failure } }: { readonly one: Compared }) {
  if (failure) return <span class="faint">{failureText(failure).title}</span>;
  if (map === undefined) {
    const runs = progress && <Runs progress={progress} title={methodOf(method).title} />;
    return <span class="faint">{runs ?? "…"}</span>;
  }
  const energy = map.facts.energy && `${percent(map.facts.energy.inside)} inside · `;
  return (
    <span class="faint">
      {map.empty === undefined ? energy : "empty · "}
      {milliseconds(map.ms)}
      {!methodOf(method).dependsOnScore && " · same for every box"}
    </span>
  );
}

interface TileProps {
  readonly one: Compared;
  readonly state: State;
  readonly url: string | undefined;
  readonly size: Size;
  readonly view: View;
  readonly onView: (view: View) => void;
}

function Tile({ one: { method, map, failure }, state, url, size, view, onView }: TileProps) {
  const from = useRef<{ readonly clientX: number; readonly clientY: number; readonly view: View } | undefined>(
    undefined,
  );
  const list = state.found.phase === "ready" ? state.found.list : [];
  const boxes = state.ownBox
    ? [state.ownBox]
    : state.selection
        .map((index) => list[index]!)
        .flatMap(({ boxImage, isWholeImage }) => (isWholeImage ? [] : [boxImage]));
  const { zoom, x, y } = view;
  const title = methodOf(method).title;
  return (
    <div
      class={`tile${zoom > 1 ? " is-zoomed" : ""}${map === undefined && failure === undefined ? " is-waiting" : ""}`}
      role="img"
      aria-label={`${title}. Plus and minus zoom. Arrow keys move.`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard moves all tiles together
      tabIndex={0}
      onKeyDown={(event) => {
        const next = byKey(view, event.key);
        if (next === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        onView(next);
      }}
      style={{ aspectRatio: `${size.width} / ${size.height}` }}
      onWheel={(event) => {
        event.preventDefault();
        const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
        onView(zoomed(view, 1.0015 ** -event.deltaY, (event.clientX - left) / width, (event.clientY - top) / height));
      }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        from.current = { clientX: event.clientX, clientY: event.clientY, view };
      }}
      onPointerMove={(event) => {
        if (from.current === undefined) return;
        const { width, height } = event.currentTarget.getBoundingClientRect();
        const { clientX, clientY, view: then } = from.current;
        onView(
          within({
            ...then,
            x: then.x + (event.clientX - clientX) / width,
            y: then.y + (event.clientY - clientY) / height,
          }),
        );
      }}
      onPointerUp={() => {
        from.current = undefined;
      }}
    >
      <why-box
        class="tile-view"
        style={{ transform: `translate(${100 * x}%, ${100 * y}%) scale(${zoom})`, "--zoom": zoom }}
        view={{
          image: url,
          size,
          heat: map?.empty === undefined ? map?.heat : undefined,
          look: lookOf(state.settings),
          marks: boxes.map((box) => ({ box })),
        }}
      />
    </div>
  );
}

/** The view after a key press. Undefined for keys without a function. */
function byKey(view: View, key: string): View | undefined {
  const step = 0.1;
  const moves: Readonly<Record<string, readonly [x: number, y: number]>> = {
    ArrowLeft: [step, 0],
    ArrowRight: [-step, 0],
    ArrowUp: [0, step],
    ArrowDown: [0, -step],
  };
  const move = moves[key];
  if (move !== undefined && view.zoom > 1) return within({ ...view, x: view.x + move[0], y: view.y + move[1] });
  if (key === "+" || key === "=") return zoomed(view, 1.5, 0.5, 0.5);
  return key === "-" ? zoomed(view, 1 / 1.5, 0.5, 0.5) : undefined;
}

/** Zooms around the pointer. Offsets are fractions of the tile's size. */
function zoomed({ zoom, x, y }: View, factor: number, px: number, py: number): View {
  const next = Math.min(Math.max(zoom * factor, 1), 12);
  const ratio = next / zoom;
  return within({ zoom: next, x: px - (px - x) * ratio, y: py - (py - y) * ratio });
}

/** Limits the offset, so that the image always fills its tile. */
function within({ zoom, x, y }: View): View {
  const clamp = (value: number) => Math.min(0, Math.max(1 - zoom, value));
  return { zoom, x: clamp(x), y: clamp(y) };
}
