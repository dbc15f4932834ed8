export { curveArea, overAll } from "./curve-area.js";
export { type EnergyInBox, energyInBox } from "./energy-in-box.js";
export { type MeanIntervalOptions, meanInterval } from "./mean-interval.js";
export type { Interval, MetricBox, PerturbationCurve, PerturbedScore } from "./metric.js";
export { peakOf } from "./peak.js";
export { perturbationCurve, perturbationFractions, pixelOrder } from "./perturbation-curve.js";
export { pointingGame } from "./pointing-game.js";
export { sampleGrid } from "./sample-grid.js";
export { type ScoredBox, stillDetected } from "./still-detected.js";
