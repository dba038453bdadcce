/** The page's style sheet: system fonts, one accent, both colour schemes from the reader's own setting. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f5f2; --card: #ffffff; --text: #1c1d21; --soft: #666a73; --line: #e4e2dc;
  --train: #8fb3d9; --smooth: #2466b0; --validation: #d9480f; --other: #2b8a6e; --warm: #9a6700;
  --shadow: 0 1px 2px rgb(20 20 30 / 6%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131418; --card: #1c1e24; --text: #e8e8ea; --soft: #9a9ea8; --line: #30333c;
    --train: #3f5f86; --smooth: #74aef0; --validation: #ff9a62; --other: #5ec8a4; --warm: #e3b341;
    --shadow: none;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 56px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 14px; margin-bottom: 20px; }
h1 { font-size: 26px; line-height: 1.2; letter-spacing: -.01em; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 15px; font-weight: 600; margin: 0 0 8px; }
header p { margin: 0; color: var(--soft); }
.status { font-size: 12.5px; font-weight: 600; padding: 2px 10px; border-radius: 99px; border: 1px solid currentColor; }
.finished { color: var(--other); } .running { color: var(--smooth); } .stopped { color: var(--warm); }
.diverged { color: var(--validation); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(112px, 1fr)); gap: 12px; margin: 0 0 12px; }
.tiles div, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; box-shadow: var(--shadow); }
.tiles div { padding: 12px 14px; }
.tiles dt { color: var(--soft); font-size: 12.5px; }
.tiles dd { margin: 2px 0 0; font-size: 21px; font-weight: 600; font-variant-numeric: tabular-nums; letter-spacing: -.01em; }
section { padding: 14px 16px; margin-bottom: 12px; min-width: 0; }
.charts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0 12px; }
.charts .wide { grid-column: 1 / -1; }
.samples { display: grid; gap: 10px; }
.sample { border-top: 1px solid var(--line); padding-top: 10px; }
.sample:first-child { border-top: 0; padding-top: 0; }
.sample p { margin: 0 0 4px; color: var(--soft); font-size: 12.5px; }
pre {
  margin: 0 0 8px; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}
details summary { cursor: pointer; color: var(--smooth); font-size: 13.5px; margin-top: 10px; }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 0 12px; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
.facts td, .facts th { padding: 4px 0; border-top: 1px solid var(--line); text-align: left; font-weight: 400; vertical-align: top; }
.facts tr:first-child > * { border-top: 0; }
.facts th { color: var(--soft); width: 45%; padding-right: 12px; }
.facts td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
footer { color: var(--soft); font-size: 12.5px; margin-top: 18px; }
.u-legend { font-size: 12.5px; text-align: left; margin: 4px 0 0 2px; width: auto; }
.u-inline.u-live th::after { content: ""; }
.u-legend th { font-weight: 400; color: var(--soft); }
.u-legend td.u-value, .u-inline.u-live .u-value { font-variant-numeric: tabular-nums; width: auto; min-width: 52px; text-align: left; padding-left: 2px; }
.u-legend .u-series > * { padding: 2px 4px; }
.u-legend .u-marker { border-radius: 3px; width: 10px; height: 10px; }
.u-select { background: color-mix(in srgb, var(--smooth) 15%, transparent); }
.u-hz .u-cursor-x, .u-hz .u-cursor-y { border-color: var(--soft); }
@media (max-width: 800px) {
  main { padding: 20px 12px 40px; }
  .charts { grid-template-columns: minmax(0, 1fr); }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tiles dd { font-size: 18px; }
}
@media print { section, .tiles div { break-inside: avoid; } }
`;
