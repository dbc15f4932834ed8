import { type TagName, tagNames } from "../src/format.js";
import { Button } from "./button.js";
import { saveTags, type Tags, tagKeys, tagTitles } from "./tags.js";

interface TagButtonsProps {
  readonly tags: Tags;
  /** The rows that the buttons tag. */
  readonly rows: readonly number[];
}

/** A button for each tag. It is pressed if all rows have the tag. */
export function TagButtons({ tags, rows }: TagButtonsProps) {
  const isOn = (tag: TagName) => rows.length > 0 && rows.every((row) => tags.of(row).tags.includes(tag));
  return (
    <>
      {tagNames.map((tag) => (
        <Button
          key={tag}
          class={`button tag-button is-${tag}`}
          aria-pressed={isOn(tag)}
          disabled={rows.length === 0}
          onClick={() => tags.toggle(rows, tag)}
        >
          {tagTitles[tag]} <kbd>{tagKeys[tag]}</kbd>
        </Button>
      ))}
    </>
  );
}

interface TagBarProps {
  readonly tags: Tags;
  readonly selected: ReadonlySet<number>;
  readonly clear: () => void;
  readonly help: () => void;
}

/** Tags the selected rows, and saves all tags. */
export function TagBar({ tags, selected, clear, help }: TagBarProps) {
  const rows = [...selected];
  return (
    <section class="tag-bar" aria-label="Tags">
      <p role="status">{rows.length === 0 ? "None selected" : `${rows.length.toLocaleString("en")} selected`}</p>
      <TagButtons tags={tags} rows={rows} />
      {rows.length > 0 && <Button onClick={clear}>Clear selection</Button>}
      <Button
        class={tags.isChanged ? "button primary" : "button"}
        disabled={tags.size === 0 && !tags.isChanged}
        onClick={() => void saveTags(tags)}
      >
        Save tags ({tags.size.toLocaleString("en")})
      </Button>
      <Button onClick={help} aria-haspopup="dialog">
        Keys <kbd>?</kbd>
      </Button>
    </section>
  );
}

/** The tags and the note of a row, as badges. */
export function TagBadges({ tags, row }: { readonly tags: Tags; readonly row: number }) {
  const { tags: given, note } = tags.of(row);
  if (given.length === 0 && note === "") return null;
  return (
    <span class="tag-badges">
      {given.map((tag) => (
        <span key={tag} class={`badge tag is-${tag}`}>
          {tagTitles[tag]}
        </span>
      ))}
      {note !== "" && <span class="card-note">{note}</span>}
    </span>
  );
}
