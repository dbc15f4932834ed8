import type { MultipartFile } from "@fastify/multipart";
import { type OptionKind, type OptionRows, WhyboxError } from "@whybox/core";
import type { FastifyRequest } from "fastify";
import { type ImageFile, UNNAMED } from "./image-bytes.js";
import { requestOptions } from "./request-options.js";

/** A form: its image, and the body that the same request would have in JSON. */
export interface Form {
  readonly file: ImageFile;
  readonly model: string | undefined;
  /** Not checked. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Limits of a form beside the size of its file. */
export const formLimits = { files: 1, fields: 100, parts: 101, fieldSize: 65_536, fieldNameSize: 64 };

/** Maximum length of a file name in documents. */
const MAX_NAME = 200;

/**
 * Reads a form with the file `image`, the field `model`, and a field for each option. A field is text or JSON; that of a list may be
 * repeated.
 * @throws usage when the image is missing or the form is damaged; the errors of the form parser (413 for a file that is too large).
 */
export async function readForm(request: FastifyRequest): Promise<Form> {
  const { file, fields } = await readParts(request).catch((error: Error) => {
    if (error instanceof WhyboxError || "statusCode" in error) throw error;
    const message = `The form is damaged: ${error.message}. Expected multipart/form-data, with its boundary at the end.`;
    throw new WhyboxError("usage", message, { cause: error });
  });
  if (file === undefined) {
    throw new WhyboxError("usage", 'The form has no file. Send the image as the file "image": curl -F image=@dog.jpg.');
  }
  const model = fields.get("model")?.[0];
  fields.delete("model");
  const options = Object.fromEntries([...fields].map(([name, texts]) => [name, fieldValue(name, texts)]));
  return { file, model, options };
}

async function readParts(request: FastifyRequest) {
  const fields = new Map<string, string[]>();
  let file: ImageFile | undefined;
  for await (const part of request.parts()) {
    if (part.type === "file") file = await readFile(part);
    else fields.set(part.fieldname, [...(fields.get(part.fieldname) ?? []), textOf(part.value)]);
  }
  return { file, fields };
}

/** The text of a field. The parser has read one whose content type is JSON. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

async function readFile(part: MultipartFile): Promise<ImageFile> {
  if (part.fieldname !== "image") {
    part.file.resume();
    throw new WhyboxError("usage", `The form has a file "${part.fieldname.slice(0, 64)}"; expected "image".`);
  }
  // A part of the type application/octet-stream is a file without a name.
  const { filename = "" } = part as { readonly filename?: string };
  return { bytes: await part.toBuffer(), name: filename.slice(0, MAX_NAME) || UNNAMED };
}

const kinds = new Map<string, OptionKind>(
  Object.entries<OptionRows[string]>(requestOptions).flatMap(([name, row]) =>
    [name, ...(row.aliases ?? [])].map((one) => [one, row] as const),
  ),
);

/** The value of an option from the texts of its fields. What is not as expected stays text, and the schema refuses it. */
function fieldValue(name: string, texts: readonly string[]): unknown {
  const kind = kinds.get(name);
  const [text = ""] = texts;
  const isList = kind?.kind === "list" || kind?.kind === "scores" || kind?.kind === "layers";
  if (!isList) return texts.length > 1 ? texts : scalar(kind, text);
  if (texts.length === 1 && text.startsWith("[")) return json(text);
  if (text === "auto") return text;
  return texts.map((one) => scalar(kind.kind === "list" ? kind.of : kind, one));
}

function scalar(kind: OptionKind | undefined, text: string): unknown {
  const isText = kind === undefined || ["text", "choice", "method", "scores"].includes(kind.kind);
  return isText ? text : json(text);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
