// The parts of `npm run bench`, in their order. A part opens a side (a checkout) and names actions that run in turns; its rows are ratios of
// their medians over those of the plain passes.
import { calls, detections, drise, recipro, scoreCam, tails } from "./calls.mjs";
import { command, memory } from "./command.mjs";
import { choices, control, layers, sizes } from "./layers.mjs";

export const parts = [
  calls,
  ...detections,
  tails,
  recipro,
  drise,
  scoreCam,
  command,
  memory,
  layers,
  sizes,
  ...choices,
  control,
];
