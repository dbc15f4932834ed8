import type { ComponentChildren } from "preact";
import type { Controller } from "../controller.js";
import { openFile } from "./files.js";

interface PickFileProps {
  readonly controller: Controller;
  readonly accept: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A button that opens the file picker. */
export function PickFile({ controller, accept, class: name = "button", children }: PickFileProps) {
  return (
    <label class={name}>
      <input
        class="for-readers"
        type="file"
        accept={accept}
        onChange={({ currentTarget }) => {
          for (const file of currentTarget.files ?? []) openFile(controller, file);
          currentTarget.value = "";
        }}
      />
      {children}
    </label>
  );
}

export const photoTypes = "image/*";
export const modelTypes = ".onnx,.pt,.pth";
