/** The report's style sheet; the six run colours keep 3:1 contrast in both schemes and differ for the colour-blind. */
export const STYLE = `
:root {
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d2226; --soft: #5c656d; --line: #d9dcdf; --good: #1a6b37; --bad: #a4262c;
  --r0: #4a6478; --r1: #b5520a; --r2: #1a7a62; --r3: #8a3f8f; --r4: #7a6a00; --r5: #b02a52;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --card: #1c2024; --ink: #e6e8ea; --soft: #9aa4ad; --line: #363d44; --good: #6fcf8e; --bad: #ff8f8f;
    --r0: #8fb3cc; --r1: #f0994f; --r2: #5ecfae; --r3: #d395da; --r4: #d6c04a; --r5: #ff86a8;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "Noto Sans", sans-serif; }
main { overflow-wrap: anywhere; max-width: 74rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 1rem; }
h2 { font-size: 1.25rem; margin: 0 0 .25rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1.1rem 1.25rem; margin-top: 1.25rem; }
.note { color: var(--soft); margin: .25rem 0 .75rem; font-size: .87rem; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--r0); outline-offset: 2px; }
table { overflow-wrap: normal; border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .38rem .8rem .38rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { color: var(--soft); font-weight: 500; font-size: .85rem; vertical-align: bottom; }
tbody th { font-weight: 500; }
td.number, td.time { white-space: nowrap; }
.label { display: inline-block; width: max-content; max-width: 15rem; overflow-wrap: anywhere; vertical-align: top; }
td.note { min-width: 14rem; }
.failed { color: var(--bad); }
.verdict { white-space: nowrap; }
.verdict.better { color: var(--good); font-weight: 600; }
.verdict.worse { color: var(--bad); font-weight: 600; }
.verdict.no, .verdict.not { color: var(--soft); }
.swatch { display: inline-block; width: .75em; height: .75em; border-radius: 2px; margin-right: .5em; background: var(--run); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem 1.5rem; margin-top: 1rem; }
figure { margin: 0; }
figcaption { color: var(--soft); font-size: .85rem; }
svg { width: 100%; max-width: 28rem; height: auto; display: block; font: 12.5px system-ui, "Segoe UI", "Noto Sans", sans-serif; }
svg .grid { stroke: var(--line); }
svg .axis { stroke: var(--soft); }
svg .tick { fill: var(--soft); }
svg .name { fill: var(--ink); }
svg .bar { stroke: var(--run); stroke-width: 3; stroke-linecap: round; opacity: .6; }
svg .dot, svg rect { fill: var(--run); }
${[0, 1, 2, 3, 4, 5].map((i) => `.run-${i} { --run: var(--r${i}); }`).join('\n')}
details { border-top: 1px solid var(--line); padding: .4rem 0; }
summary { cursor: pointer; }
summary:focus-visible { outline: 2px solid var(--r0); outline-offset: 2px; }
dl { margin: .5rem 0; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0 0 .5rem; }
pre { margin: .2rem 0; white-space: pre-wrap; font: .85rem/1.45 ui-monospace, monospace; }
code { font: .85rem ui-monospace, monospace; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  main { padding: 1rem .7rem 3rem; }
  section { padding: .9rem .8rem; }
  .label { max-width: 8.5rem; }
}
@media print { section { break-inside: avoid-page; border-color: #999; } }
`.trim();
