import type { Failure } from "@whybox/browser/engine";
import type { ComponentChildren } from "preact";
import { failureText } from "./texts.js";

/** An error message that says what to do. */
export function Notice({ failure, children }: { readonly failure: Failure; readonly children?: ComponentChildren }) {
  const { title, text } = failureText(failure);
  return (
    <div class="notice" role="alert">
      <strong>{title}</strong>
      <p>{text}</p>
      {children}
    </div>
  );
}
