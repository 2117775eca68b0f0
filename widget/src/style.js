// The look of the widget. A site may set --haven-accent, --haven-on-accent, --haven-font, --haven-side, --haven-z.
import { h } from "./dom.js";

const CSS = `
:host {
  all: initial !important; color-scheme: light dark;
  --accent: var(--haven-accent, #0d5c63); --on-accent: var(--haven-on-accent, #fff);
  --paper: #fff; --ink: #1a1f24; --soft: #eef2f3; --dim: #4c565e; --line: #7a868e; --mine: #e2eff1;
  --alarm: #b3261e; --on-alarm: #fff; --alarm-paper: #fff3f0; --staff: #e9f1e4; --on-staff: #3f6b2a;
}
@media (prefers-color-scheme: dark) {
  :host {
    --accent: var(--haven-accent-dark, #8fd3da); --on-accent: var(--haven-on-accent-dark, #06282b);
    --paper: #14191d; --ink: #f1f4f5; --soft: #222a30; --dim: #b8c3ca; --line: #8b98a1; --mine: #173338;
    --alarm: #ffb4ab; --on-alarm: #410002; --alarm-paper: #35110e; --staff: #1f2c1a; --on-staff: #a5d18c;
  }
}
@media (prefers-contrast: more) { :host { --dim: var(--ink); --line: var(--ink); } }

*, ::before { box-sizing: border-box; margin: 0; padding: 0; font: inherit; color: inherit; }
[hidden] { display: none !important; }
b, h2, h3, cite, .big, .call { font-weight: 600; }
small, .by, .facts, .state, .count, .speaker, .quiet, .below, details { font-size: .875em; }
.state .quiet, .helped .quiet, details small { font-size: 1em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
svg { width: 1.4em; height: 1.4em; flex: none; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; }
a { text-underline-offset: .15em; }
button, summary { cursor: pointer; touch-action: manipulation; background: none; border: 0; }
ol, ul { list-style: none; }

.launcher, .panel {
  position: fixed; z-index: var(--haven-z, 2147483000); inset: auto; inset-block-end: 16px; inset-inline: var(--haven-side, auto 16px);
  font: medium/1.5 var(--haven-font, system-ui, sans-serif); color: var(--ink); box-shadow: 0 4px 24px #0007;
}
.launcher { display: flex; font-weight: 600; align-items: center; gap: 8px; min-height: 56px; padding: 0 20px; border-radius: 28px;
  border: 2px solid transparent; background: var(--accent); color: var(--on-accent); }

.panel { width: 400px; max-width: none; height: min(680px, calc(100vh - 32px)); max-height: none; overflow: hidden;
  border: 1px solid var(--line); border-radius: 12px; background: var(--paper); }
.panel[open], .view { display: flex; flex-direction: column; }
.panel.full { inset: var(--top, 0) 0 auto; width: 100%; height: var(--seen, 100vh); border: 0; border-radius: 0; }
.panel:focus { outline: 0; }
.view { flex: 1; min-height: 0; }

.head { display: grid; gap: 6px; padding: 8px; border-block-end: 1px solid var(--line); background: var(--soft); }
.top, .pair { display: flex; }
.pair { gap: 8px; }
.pair > *, .who { flex: 1; }
.who { padding-inline-start: 4px; line-height: 1.3; overflow-wrap: anywhere; }
.speaker { color: var(--dim); }
.speaker.staff { color: var(--on-staff); font-weight: 600; }
.speaker.staff::before { content: "● "; }
.plain { width: 44px; height: 44px; }
.big, .call { display: flex; align-items: center; justify-content: center; gap: 8px; min-height: 44px; padding: 8px 12px;
  border: 2px solid var(--line); border-radius: 8px; background: var(--paper); line-height: 1.25; text-decoration: none; }
.urgent { border-color: var(--alarm); background: var(--alarm); color: var(--on-alarm); }
.primary, [aria-pressed=true] { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }

.scroll { flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain; padding: 12px; }
.facts, .by, .state, .count, .quiet, summary, .system { color: var(--dim); }
.warn { border-inline-start: 4px solid; padding-inline-start: 8px; }
.message { max-width: 88%; margin-block: 8px 12px; }
.said { padding: 10px 12px; border: 1px solid transparent; border-radius: 4px 12px 12px; background: var(--soft); overflow-wrap: anywhere; }
.said p, .said li { unicode-bidi: plaintext; }
.said > * + * { margin-block-start: 8px; }
.by b { color: var(--ink); }
.visitor { margin-inline-start: auto; text-align: end; }
.visitor .said { width: fit-content; margin-inline-start: auto; border-radius: 12px 4px 12px 12px; background: var(--mine);
  white-space: pre-wrap; text-align: start; }
.staff .said { background: var(--staff); border-color: var(--on-staff); }
.unsent .said { border: 2px dashed; }
.system, .message.guidance { max-width: none; }
.system .said { padding: 4px; border-color: var(--line); border-inline: 0; border-radius: 0; background: none; text-align: center; }
.guidance .said { padding: 14px; border: 2px solid var(--alarm); border-inline-start-width: 8px; border-radius: 8px;
  background: var(--alarm-paper); font-size: 1.125em; }
h3 { font-size: 1.125em; line-height: 1.35; }
.calls { display: flex; flex-wrap: wrap; gap: 8px; }
.call { flex: 1 1 7em; padding: 6px; }
.call.urgent { flex-basis: 100%; }
.call small { display: block; }
.steps { counter-reset: step; }
.steps li { display: flex; gap: 10px; padding-block: 5px; counter-increment: step; }
.steps li::before { content: counter(step); flex: none; width: 1.75em; height: 1.75em; border-radius: 50%; text-align: center;
  background: var(--ink); color: var(--paper); font-weight: 600; line-height: 1.75; }
.options { display: grid; gap: 8px; margin-block-start: 8px; }
.quick { grid-template-columns: repeat(auto-fill, minmax(8.5em, 1fr)); gap: 12px; }
.quick .option { min-height: 60px; justify-content: center; text-align: center; font-weight: 600; }
.helped { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; font-size: .875em; color: var(--dim); }
.option { border-color: var(--accent); justify-content: start; text-align: start; }
.after { display: flex; flex-wrap: wrap; column-gap: 16px; }
[open] { flex-basis: 100%; }
summary, .quiet { min-width: 44px; min-height: 44px; line-height: 44px; padding: 0 4px; text-decoration: underline; }
details li { padding: 4px 10px; border-inline-start: 3px solid var(--line); margin-block-end: 8px; }
details li > * { display: block; }
.newer { position: sticky; inset-block-end: 0; margin: 0 auto; }
.round { width: 52px; height: 52px; margin-inline-end: 0; border-radius: 50%; font-size: 0; }
.round svg { width: 26px; height: 26px; }

.below, .composer { display: grid; gap: 8px; padding: 8px; border-block-start: 1px solid var(--line); background: var(--soft); }
.below .call { flex: 1; padding: 4px; gap: 4px; }
.guidance .call { font-size: .9em; }
.pinned { background: var(--alarm-paper); border-color: var(--alarm); }
.composer { grid-template-columns: 1fr auto; background: var(--paper); }
textarea { min-height: 48px; max-height: 30vh; padding: 11px 12px; resize: none; border: 1px solid var(--line); border-radius: 8px;
  background: var(--paper); }
textarea::placeholder { color: var(--dim); opacity: 1; }
.count { grid-column: 1 / -1; }
.count:empty { display: none; }
.card > * + * { margin-block-start: 12px; }
.card > * + h3 { padding-block-start: 8px; border-block-start: 1px solid var(--line); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

@media (max-height: 700px) { .pinned p { display: none; } }
/* A very low window (zoom 400 %, a phone on its side): the whole panel scrolls instead of a slit of it. */
@media (max-height: 420px) {
  .panel { overflow-y: auto; }
  .panel[open], .view { display: block; }
  .scroll { overflow: visible; }
  .head { position: sticky; inset: 0; display: flex; flex-direction: row-reverse; z-index: 1; }
  .who { display: none; }
}
`;

export function dress(root) {
  try {
    // A constructed sheet is allowed under a strict style-src; older phones have only the element.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(h("style", CSS));
  }
}
