import { WhyboxError, type WhyboxErrorCode } from "@whybox/core";

/** An error of the server itself, with the status of its answer. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** An answer that says what went wrong (RFC 9457). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly instance: string;
}

const statusOf: Readonly<Record<WhyboxErrorCode, number>> = {
  usage: 400,
  "bad-input": 422,
  "unsupported-model": 422,
  "no-gradient": 422,
  limit: 413,
  download: 422,
  runtime: 500,
  output: 500,
  internal: 500,
  // The client has gone, or the server stops.
  aborted: 503,
};

const titles: Readonly<Record<string, string>> = {
  usage: "A field or an option is invalid",
  "bad-input": "The image cannot be read",
  "unsupported-model": "The model does not support this",
  "no-gradient": "The model does not support this method",
  limit: "A limit of the server is exceeded",
  download: "The image cannot be fetched",
  runtime: "The model could not be run",
  output: "The answer could not be made",
  internal: "A bug in Whybox",
  aborted: "The request was stopped",
  timeout: "The time limit is exceeded",
  "queue-full": "The server is busy",
  unauthorized: "A token is missing or wrong",
  "not-found": "There is no such address or model",
};

/** The status, the headers and the document of an error. */
export function problemOf(
  error: unknown,
  id: string,
): { readonly problem: Problem; readonly headers: Readonly<Record<string, string>> } {
  const { status, code, detail, headers = {} } = factsOf(error);
  const title = titles[code] ?? "The request is invalid";
  return { problem: { type: `urn:whybox:error:${code}`, title, status, detail, code, instance: id }, headers };
}

interface Facts {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function factsOf(error: unknown): Facts {
  if (error instanceof Refusal) return { ...error, detail: error.message };
  if (error instanceof WhyboxError) {
    if (error.details.worker === "lost") {
      return { status: 503, code: "runtime", detail: error.message, headers: { "retry-after": "1" } };
    }
    if (error.code !== "internal") return { status: statusOf[error.code], code: error.code, detail: error.message };
  }
  const { statusCode, message } = error as { readonly statusCode?: unknown; readonly message?: unknown };
  if (statusCode === 415) {
    const detail = "Send application/json. /v1/explain also takes a form (multipart/form-data).";
    return { status: 415, code: "usage", detail };
  }
  // Fastify's own errors about a request: a body that is too large, is no JSON, has another content type.
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, code: statusCode === 413 ? "limit" : "usage", detail: String(message) };
  }
  const detail = "This is a bug in Whybox. The server's log has the error under the id of this request (instance).";
  return { status: 500, code: "internal", detail };
}
