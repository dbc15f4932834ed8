import type { State } from "../controller/state.js";
import type { Controller } from "../controller.js";

export interface SectionProps {
  readonly controller: Controller;
  readonly state: State;
}
