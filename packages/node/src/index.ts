/** The public surface of whybox for Node, listed by hand. */
export { WhyboxError, type WhyboxErrorCode } from "@whybox/core";
