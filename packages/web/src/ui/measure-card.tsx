import type { MapFigures, Measurement, PerturbationCurve } from "@whybox/core";
import { measureSentence, percent } from "@whybox/report";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { isMeasurable, measureRequest } from "../controller/background.js";
import { methodOf } from "../controller/methods.js";
import { Button } from "./button.js";
import { FactList } from "./fact-list.js";
import { Notice } from "./notice.js";
import { Runs } from "./runs.js";
import type { SectionProps } from "./section-props.js";
import "./styles/measure.css";

/** How faithful the shown map is: a button, the progress, and what was measured. */
export function MeasureCard({ controller, state }: SectionProps) {
  const { measuring, map } = state;
  const heading = useRef<HTMLHeadingElement>(null);
  const ready = measuring?.phase === "ready" ? measuring : undefined;
  const isReady = ready !== undefined;
  useEffect(() => {
    // The button that had the focus is gone.
    if (isReady && document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
  }, [isReady]);
  if (!isMeasurable(state)) return null;
  const isRunning = measuring?.phase === "running";
  const measurement = ready?.measurement;
  const toggle = (isShown: boolean) => {
    controller.showRegion(isShown);
    // On a phone the photo is above.
    if (isShown) document.querySelector(".frame")?.scrollIntoView({ block: "nearest" });
  };
  return (
    <section class="measure" aria-labelledby="measure-title" aria-busy={isRunning}>
      <h3 id="measure-title" ref={heading} tabIndex={-1}>
        How faithful is this map?
      </h3>
      {!isReady && (
        <div class="row">
          <Button
            disabled={measureRequest(state) === undefined}
            onClick={() => (isRunning ? controller.stopMeasuring() : controller.measure())}
          >
            {isRunning ? "Cancel" : "Measure this map"}
          </Button>
          {isRunning ? (
            <span class="running">
              <span class="spinner" aria-hidden="true" />
              Measuring
              <Runs progress={measuring.progress} title={`the measurement of ${methodOf(map.shown!.method).title}`} />
            </span>
          ) : (
            <span class="hint">Hides and restores its hottest pixels: some 70 runs, in the background.</span>
          )}
        </div>
      )}
      {measuring?.phase === "failed" && <Notice failure={measuring.failure} />}
      {/* It is there from the start, so that screen readers tell what comes. */}
      <p role="status" class="measured-sentence">
        {isReady && (measurement === undefined ? tooWeak : measureSentence(measurement))}
      </p>
      {ready && measurement && (
        <Figures measurement={measurement}>
          {measurement.map.sufficient > 0 && (
            <Button
              class="button region-button"
              aria-pressed={ready.isRegionShown}
              onClick={() => toggle(!ready.isRegionShown)}
            >
              Show the smallest region
            </Button>
          )}
        </Figures>
      )}
    </section>
  );
}

const tooWeak = "It cannot be measured: the network is hardly confident in this class at this box.";

interface FiguresProps {
  readonly measurement: Measurement;
  /** Below the curves. */
  readonly children: ComponentChildren;
}

function Figures({ measurement: { map, gaussian, random }, children }: FiguresProps) {
  const curves = { map, gaussian, random };
  const over = (value: number) => `${percent(value)} of the box`;
  const region = `${over(map.sufficientOverBox)}; blob ${over(gaussian.sufficientOverBox)}`;
  const scores = ({ map, gaussian, random }: Record<keyof typeof curves, { readonly overAll: number }>) =>
    `${score(map.overAll)}; blob ${score(gaussian.overAll)}, random ${score(random.overAll)}`;
  const within = { map: map.withinBox, gaussian: gaussian.withinBox, random: random.withinBox };
  return (
    <>
      <div class="curves">
        <Curves title="Removing the hottest pixels" kind="deletion" {...curves} />
        <Curves title="Restoring the hottest pixels" kind="insertion" {...curves} />
      </div>
      <p class="curve-legend" aria-hidden="true">
        <span class="is-map">this map</span> <span class="is-gaussian">blob at the box</span>{" "}
        <span class="is-random">random map</span>
      </p>
      {children}
      <FactList
        facts={[
          ["Over all", scores(curves)],
          ["Within the box", scores(within)],
          ["Smallest region that restores half", region],
        ]}
      />
      <p class="hint">
        Over all: the area under the right curve minus the one under the left, −1 to 1; higher is better. The blob knows
        the box and nothing of the network.
      </p>
    </>
  );
}

/** Two digits, with a minus sign. */
function score(value: number): string {
  return value.toFixed(2).replace("-", "−");
}

const names = ["random", "gaussian", "map"] as const;

interface CurvesProps extends Readonly<Record<(typeof names)[number], MapFigures>> {
  readonly title: string;
  readonly kind: "deletion" | "insertion";
}

const WIDTH = 150;
const HEIGHT = 84;

/** The confidence as pixels are changed, hottest first: three curves over the share of the image. */
function Curves({ title, kind, ...figures }: CurvesProps) {
  const at = ({ fractions, scores }: PerturbationCurve) =>
    fractions
      .map((fraction, i) => `${WIDTH * fraction},${HEIGHT * (1 - Math.min(1, scores[i]!) * 0.94) - 1}`)
      .join(" ");
  const middle = ({ fractions, scores }: PerturbationCurve) => {
    const i = fractions.findIndex((fraction) => fraction > 0.1);
    return `${percent(scores[i]!)} of the confidence at ${percent(fractions[i]!)} of the pixels`;
  };
  const told = `${title}: this map ${middle(figures.map[kind])}; a blob at the box ${middle(figures.gaussian[kind])}.`;
  return (
    <figure>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={told} preserveAspectRatio="none">
        <path class="axis" d={`M0 0V${HEIGHT}H${WIDTH}`} />
        {names.map((name) => (
          <polyline key={name} class={`is-${name}`} points={at(figures[name][kind])} />
        ))}
      </svg>
      <figcaption class="faint">{title}</figcaption>
    </figure>
  );
}
