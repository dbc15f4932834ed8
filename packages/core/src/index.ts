/** The public surface of @whybox/core, listed by hand. */
export { WhyboxError, type WhyboxErrorCode } from "./errors.js";
