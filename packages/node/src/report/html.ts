import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { printable, WhyboxError } from "@whybox/core";

/** Reads a file of @whybox/report, such as "styles/base.css". @throws internal if its build has no such file. */
export async function readPart(name: string): Promise<string> {
  try {
    return await readFile(createRequire(import.meta.url).resolve(`@whybox/report/${name}`), "utf8");
  } catch (cause) {
    throw new WhyboxError("internal", "The page is not in the package @whybox/report. In a clone run: npm run build", {
      cause,
    });
  }
}

export interface HeadParts {
  readonly title: string;
  readonly style: string;
  /** The script that the page may run. Default: none. */
  readonly script?: string;
  /** Whether the page has images in data URLs. Default false. */
  readonly images?: boolean;
}

/** The start of a page that contains all its data, up to `<body>`. The browser runs no other script and loads nothing. */
export function htmlHead({ title, style, script, images = false }: HeadParts): string {
  const scripts = script === undefined ? "" : `script-src '${digest(script)}'; `;
  const policy = `default-src 'none'; ${scripts}style-src '${digest(style)}'; ${images ? "img-src data:; " : ""}base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)} · Whybox</title>
<style>${style}</style>
</head>
<body>
`;
}

function digest(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

/** Text as HTML: markup is escaped, and so is what a terminal or the direction of a line would obey (`printable`). */
export function escapeHtml(text: string): string {
  return printable(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
