import { WhyboxError } from "@whybox/core";

/** The error with the name of the file that it concerns. Other errors than those of Whybox are returned unchanged. */
export function inFile(error: unknown, file: string, more = ""): unknown {
  if (!(error instanceof WhyboxError)) return error;
  const details = { ...error.details, file };
  return new WhyboxError(error.code, `${file}: ${error.message}${more}`, { cause: error, details });
}
