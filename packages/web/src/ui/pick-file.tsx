import type { ComponentChildren } from "preact";
import { useContext } from "preact/hooks";
import type { Controller } from "../controller.js";
import { openFiles } from "./files.js";
import { LiveContext } from "./live-video.js";

interface PickFileProps {
  readonly controller: Controller;
  readonly accept: string;
  readonly class?: string;
  /** Name for screen readers, if the visible text is not clear enough. */
  readonly name?: string;
  readonly children: ComponentChildren;
}

export function PickFile({ controller, accept, class: className = "button", name, children }: PickFileProps) {
  const live = useContext(LiveContext)!;
  return (
    <label class={className}>
      <input
        class="for-readers"
        type="file"
        accept={accept}
        multiple={accept === modelTypes}
        aria-label={name}
        onChange={({ currentTarget }) => {
          openFiles(controller, live, [...(currentTarget.files ?? [])]);
          currentTarget.value = "";
        }}
      />
      {children}
    </label>
  );
}

export const photoTypes = "image/*,video/*";
/** Models, the files with their weights, and those that describe them: names, `metadata.yaml`, `preprocessor_config.json`. */
export const modelTypes = ".onnx,.pt,.pth,.data,.onnx_data,.bin,.json,.yaml,.yml,.txt,.names";
