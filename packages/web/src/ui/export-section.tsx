import { type ExplainProgress, encodeNpy, fileName } from "@whybox/core";
import { useState } from "preact/hooks";
import { Button } from "./button.js";
import { save } from "./files.js";
import { Runs } from "./runs.js";
import type { SectionProps } from "./section-props.js";

/** Exports of the result: image, map, JSON and link. */
export function ExportSection({ controller, state }: SectionProps) {
  const { map, photo, comparing } = state;
  const [said, setSaid] = useState("");
  const [progress, setProgress] = useState<ExplainProgress>();
  // A comparison shows several maps, so there is no single map to export.
  const shown = comparing ? undefined : map.shown;
  const stem = photo.phase === "ready" ? fileName(photo.name.replace(/\.[^.]*$/, ""), { fallback: "photo" }) : "photo";
  const off = shown === undefined || shown.empty !== undefined;
  const json = (document: unknown) =>
    new Blob([`${JSON.stringify(document, null, 2)}\n`], { type: "application/json" });
  const failed = (error: unknown) => setSaid(error instanceof Error ? error.message : String(error));
  return (
    <section class="group">
      <h2>Export</h2>
      <p class="explain faint">
        {comparing
          ? "Click a method’s name to show it alone and export its map. You can also copy a link to these settings."
          : "The image at full size, the map as numbers, the result as JSON, or a link to these settings."}
      </p>
      <div class="row">
        <Button
          disabled={off}
          onClick={async () => {
            setSaid("");
            await controller.png().then((blob) => save(`${stem}.png`, blob), failed);
          }}
        >
          Image
        </Button>
        <Button
          disabled={off}
          onClick={() => save(`${stem}.npy`, new Blob([encodeNpy(shown!.heat) as Uint8Array<ArrayBuffer>]))}
        >
          .npy
        </Button>
        <Button
          disabled={shown === undefined}
          onClick={async () => {
            setSaid("");
            const made = controller.document(setProgress);
            await made.then((document) => save(`${stem}.json`, json(document)), failed);
            setProgress(undefined);
          }}
        >
          JSON
        </Button>
        <Button
          onClick={() =>
            navigator.clipboard.writeText(location.href).then(
              () => setSaid("The link to these settings is copied."),
              () => setSaid("The link to these settings is in the address bar."),
            )
          }
        >
          Link
        </Button>
      </div>
      <p class="hint" role="status">
        {said}
        <Runs progress={progress} title="the JSON" />
      </p>
    </section>
  );
}
