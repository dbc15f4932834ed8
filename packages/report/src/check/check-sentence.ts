import type { CheckFigures } from "./check-figures.js";
import { type CheckId, checkIds, checkRules, commonReason } from "./check-rules.js";

/** What a sentence about the checks of one method is made from. */
interface SentenceFacts {
  readonly title: string;
  readonly isControl: boolean;
  readonly checks: Readonly<Record<CheckId, Pick<CheckFigures, "verdict" | "why">>>;
}

/** What a failed check means. */
const meanings: Readonly<Record<CheckId, string>> = {
  weights:
    "its maps hardly change when the weights of the network are random, so they show little of what the network learned",
  "class-swap": "its maps do not depend on the class, so they cannot say why the box is this class and not another",
  "box-swap": "its maps do not depend on the detection, so they cannot say which part of the image a box depends on",
  noise: "small noise on the image moves its maps, so a single map may be chance",
  seed: "other random numbers move its maps, so it needs more samples",
  repeat: "the same call gives another map",
};

/** In words: what the checks say about the maps of a method. */
export function checkSentence({ title, isControl, checks }: SentenceFacts): string {
  const of = (verdict: string) => checkIds.filter((id) => checks[id].verdict === verdict);
  const [failed, open] = [of("fail"), of("undecided")];
  if (failed.length > 0) {
    return isControl
      ? "The control, a Gaussian at the box, fails as it must: it knows nothing of the network."
      : `${title}: ${failed.map((id) => meanings[id]).join("; ")}.`;
  }
  const outcome = open.length > 0 ? `no check failed, but ${undecided(open, checks)}` : "no check failed";
  if (isControl) {
    return `The control, a Gaussian at the box: ${outcome}. It knows nothing of the network and must fail, so these checks have shown nothing yet: check more images.`;
  }
  if (open.length > 0) return `${title}: ${outcome}. Check more images.`;
  return `${title}: its maps depend on what the network learned, on the class and on the box, and stay under small noise.`;
}

/** Which checks are undecided, and why. */
function undecided(ids: readonly CheckId[], checks: SentenceFacts["checks"]): string {
  const reason = commonReason(ids.map((id) => checks[id]));
  const names = ids.map((id) => `"${checkRules[id].title}"${reason === null ? ` (${checks[id].why})` : ""}`);
  const listed = [names.slice(0, -1).join(", "), names.at(-1)].filter((part) => part !== "").join(" and ");
  return `${listed} ${ids.length === 1 ? "is" : "are"} undecided${reason === null ? "" : ` (${reason})`}`;
}
