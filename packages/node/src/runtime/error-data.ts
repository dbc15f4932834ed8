import { WhyboxError, type WhyboxErrorCode } from "@whybox/core";

/** An error as plain data: threads do not keep the class of an error. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Of a WhyboxError. */
  readonly code?: WhyboxErrorCode;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: ErrorData;
}

/** The error as data for another thread. A cause that is no error is left out. */
export function errorData(error: unknown): ErrorData {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), stack: undefined };
  const { name, message, stack, cause } = error;
  return {
    ...{ name, message, stack },
    ...(error instanceof WhyboxError && { code: error.code, details: error.details }),
    ...(cause instanceof Error && { cause: errorData(cause) }),
  };
}

/** The error from its data. An error of another class than WhyboxError becomes an `internal` one. */
export function errorFrom(data: ErrorData): WhyboxError {
  const { message, code = "internal", details = {}, cause } = data;
  const error = new WhyboxError(code, message, { details, ...(cause && { cause: causeFrom(cause) }) });
  return withStack(error, data);
}

function causeFrom(data: ErrorData): Error {
  if (data.code !== undefined) return errorFrom(data);
  const error = new Error(data.message, data.cause && { cause: causeFrom(data.cause) });
  return withStack(Object.assign(error, { name: data.name }), data);
}

/** The stack of the worker says where the error is. */
function withStack<E extends Error>(error: E, { stack }: ErrorData): E {
  if (stack !== undefined) Object.defineProperty(error, "stack", { value: stack, configurable: true, writable: true });
  return error;
}
