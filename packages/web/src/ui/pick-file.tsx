import type { ComponentChildren } from "preact";
import { useContext } from "preact/hooks";
import type { Controller } from "../controller.js";
import { openFile } from "./files.js";
import { LiveContext } from "./live-video.js";

interface PickFileProps {
  readonly controller: Controller;
  readonly accept: string;
  readonly class?: string;
  /** Name for screen readers, if the visible text is not clear enough. */
  readonly name?: string;
  readonly children: ComponentChildren;
}

/** A button that opens the file picker. */
export function PickFile({ controller, accept, class: className = "button", name, children }: PickFileProps) {
  const live = useContext(LiveContext)!;
  return (
    <label class={className}>
      <input
        class="for-readers"
        type="file"
        accept={accept}
        aria-label={name}
        onChange={({ currentTarget }) => {
          for (const file of currentTarget.files ?? []) openFile(controller, live, file);
          currentTarget.value = "";
        }}
      />
      {children}
    </label>
  );
}

export const photoTypes = "image/*,video/*";
export const modelTypes = ".onnx,.pt,.pth";
