import type { ComponentChildren } from "preact";
import type { Failure } from "../controller/calls.js";
import { defaultSettings, inputSettings } from "../controller/settings.js";
import type { Controller } from "../controller.js";
import { Button } from "./button.js";
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

interface ModelNoticeProps {
  readonly controller: Controller;
  readonly failure: Failure;
  readonly children?: ComponentChildren;
}

/** Why there is no model. If the settings of its input are to blame, a button resets them. */
export function ModelNotice({ controller, failure, children }: ModelNoticeProps) {
  const { settings } = controller.state;
  const isChanged = inputSettings.some((key) => settings[key] !== defaultSettings[key]);
  const reset = () => controller.set(Object.fromEntries(inputSettings.map((key) => [key, defaultSettings[key]])));
  return (
    <Notice failure={failure}>
      {failure.code === "usage" && isChanged && <Button onClick={reset}>Prepare images as the model says</Button>}
      {children}
    </Notice>
  );
}
