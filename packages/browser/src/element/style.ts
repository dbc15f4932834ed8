import { drawingOptions } from "@whybox/core";

/** The style of `<why-box>`. Its size is that of the image: nothing that comes later moves the page. */
export const style = `
:host { display: block; position: relative; overflow: hidden; line-height: 1.3; }
:host([hidden]) { display: none; }
[part=stage] { position: relative; }
[part=image] { display: block; width: 100%; height: auto; aspect-ratio: var(--ratio, auto); }
[part=image]:not([src]) { visibility: hidden; }
[part=image][hidden] { display: none; }
[part=heat] { position: absolute; inset: 0; pointer-events: none; isolation: isolate; opacity: var(--why-box-opacity, ${drawingOptions.opacity.default}); }
[part=heat] > canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
.heat { mix-blend-mode: plus-lighter; animation: appear 150ms linear; }
.heat-before { opacity: 0; animation: vanish 150ms linear; }
@keyframes appear { from { opacity: 0; } }
@keyframes vanish { from { opacity: 1; } }
[part~=box] { position: absolute; box-sizing: border-box; margin: 0; padding: 0; font: inherit; background: none; cursor: pointer;
  border: var(--why-box-width, 2px) solid var(--why-box-color, #fff); outline: 1px solid rgb(0 0 0 / 0.6); }
[part~=box]:hover, [part~=box]:focus-visible { z-index: 1; }
[part~=box]:focus-visible { outline: 3px solid var(--why-box-focus, #4c9ffe); outline-offset: 2px; }
[part~=selected] { border-color: var(--why-box-selected, #ffd166); z-index: 1; }
[part=label] { position: absolute; z-index: 1; overflow: hidden; padding: 0 7px; white-space: nowrap; text-overflow: ellipsis; color: #fff;
  background: rgb(0 0 0 / 0.75); font: var(--why-box-font, 600 0.8rem system-ui, sans-serif); line-height: 1.6; }
.is-crowded { display: none; }
:is([part~=box]:hover, [part~=box]:focus-visible, [part~=selected]) > [part=label] { display: block; z-index: 2; }
:host([hide-labels]) [part~=box] > [part=label] { display: none; }
:host([hide-boxes]) [part=boxes] { display: none; }
[part=progress] { position: absolute; left: 0; top: 0; height: 3px; width: 0; background: var(--why-box-progress, #4c9ffe); transition: width 150ms; }
[part=error] { position: absolute; inset: auto 0 0; margin: 0; padding: 0.5em 0.75em; color: #fff; background: rgb(120 16 16 / 0.92);
  font: var(--why-box-font, 0.875rem system-ui, sans-serif); overflow-wrap: anywhere; }
[part=error]:empty { display: none; }
[part=stage]:not(:has([src])) + [part=progress] + [part=error] { position: static; }
[part=status] { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: reduce) { [part], canvas { transition: none !important; animation: none !important; } }
`;
