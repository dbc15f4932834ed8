import type { ComponentProps } from "preact";

/** A button that submits no form. */
export function Button({ class: className = "button", ...others }: ComponentProps<"button">) {
  return <button type="button" class={className} {...others} />;
}
