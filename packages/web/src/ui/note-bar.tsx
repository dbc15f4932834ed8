import type { State } from "../controller/state.js";
import type { Controller } from "../controller.js";
import { Button } from "./button.js";
import { modelTypes, PickFile } from "./pick-file.js";
import { failureText, keptText, takenText } from "./texts.js";

/** Why the last file or the camera could not be opened, above the page. It moves nothing, and passes when the next thing works. */
export function NoteBar({ controller, state }: { readonly controller: Controller; readonly state: State }) {
  const { note } = state;
  if (note === undefined) return null;
  const { title, text } = failureText(note.failure);
  return (
    <div class="note">
      <div role="alert">
        <strong>{title}</strong>
        <p>
          {text} {takenText(note)} {keptText(state)}
        </p>
      </div>
      {note.failure.missing !== undefined && (
        <PickFile controller={controller} accept={modelTypes}>
          Add the file
        </PickFile>
      )}
      <Button class="button quiet" aria-label="Close the note" onClick={() => controller.dismiss()}>
        Close
      </Button>
    </div>
  );
}
