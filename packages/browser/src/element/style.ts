import { drawingOptions } from "@whybox/core";

/** The style of `<why-box>`. Its size is that of the image: nothing that comes later moves the page. */
export const style = `
:host { display: block; position: relative; overflow: hidden; line-height: 1.3; }
:host([hidden]) { display: none; }
[part=stage] { position: relative; }
[part=image] { display: block; width: 100%; height: auto; aspect-ratio: var(--ratio, auto); }
[part=image]:not([src]) { visibility: hidden; }
[part=heat] { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; opacity: 0; transition: opacity 150ms; }
[part=heat].is-shown { opacity: var(--why-box-opacity, ${drawingOptions.opacity.default}); }
[part=boxes] { position: absolute; inset: 0; }
[part~=box] { position: absolute; box-sizing: border-box; margin: 0; padding: 0; font: inherit; background: none; cursor: pointer;
  border: var(--why-box-width, 2px) solid var(--why-box-color, #fff); outline: 1px solid rgb(0 0 0 / 0.6); }
[part~=box]:hover, [part~=box]:focus-visible { z-index: 1; }
[part~=box]:focus-visible { outline: 3px solid var(--why-box-focus, #4c9ffe); outline-offset: 2px; }
[part~=selected] { border-color: var(--why-box-selected, #ffd166); z-index: 1; }
[part=label] { position: absolute; left: -2px; bottom: 100%; padding: 0 0.4em; white-space: nowrap; color: #fff; background: rgb(0 0 0 / 0.75);
  font: var(--why-box-font, 600 0.8rem system-ui, sans-serif); opacity: 0; }
[part=label].is-below { bottom: auto; top: 0; left: 0; }
[part~=box]:hover > [part=label], [part~=box]:focus-visible > [part=label], [part~=selected] > [part=label] { opacity: 1; }
:host([hide-labels]) [part=label] { display: none; }
:host([hide-boxes]) [part=boxes] { display: none; }
[part=progress] { position: absolute; left: 0; top: 0; height: 3px; width: 0; background: var(--why-box-progress, #4c9ffe); transition: width 150ms; }
[part=error] { position: absolute; inset: auto 0 0; margin: 0; padding: 0.5em 0.75em; color: #fff; background: rgb(120 16 16 / 0.92);
  font: var(--why-box-font, 0.875rem system-ui, sans-serif); overflow-wrap: anywhere; }
[part=error]:empty { display: none; }
[part=stage]:not(:has([src])) + [part=progress] + [part=error] { position: static; }
[part=status] { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: reduce) { [part] { transition: none !important; } }
`;
