import type { State } from "../controller/state.js";
import type { Controller } from "../controller.js";

/** The properties of a section of the panel. */
export interface SectionProps {
  readonly controller: Controller;
  readonly state: State;
}
