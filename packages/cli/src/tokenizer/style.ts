/** The page's style sheet: system fonts, five quiet token colours, both colour schemes from the reader's own setting. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f5f2; --card: #ffffff; --text: #1c1d21; --soft: #666a73; --line: #e4e2dc; --accent: #2466b0; --bad: #c92a2a;
  --c0: #d3e5fb; --c1: #fbe6c2; --c2: #d2f0d9; --c3: #fbdbe6; --c4: #e3defb; --u: #ffc9c9;
  --bar: #cfe0f4; --shadow: 0 1px 2px rgb(20 20 30 / 6%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131418; --card: #1c1e24; --text: #e8e8ea; --soft: #9a9ea8; --line: #30333c; --accent: #74aef0; --bad: #ff8787;
    --c0: #1f4268; --c1: #5a4415; --c2: #1d5033; --c3: #63294a; --c4: #40386f; --u: #8f2626;
    --bar: #284a70; --shadow: none;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 56px; }
h1 { font-size: 26px; line-height: 1.2; letter-spacing: -.01em; margin: 0 0 20px; overflow-wrap: anywhere; }
h2 { font-size: 15px; font-weight: 600; margin: 0 0 8px; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 0 0 12px; }
.tiles div, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; box-shadow: var(--shadow); }
.tiles div { padding: 12px 14px; }
.tiles dt { color: var(--soft); font-size: 12.5px; }
.tiles dd { margin: 2px 0 0; font-size: 19px; font-weight: 600; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
section { padding: 14px 16px; margin-bottom: 12px; min-width: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; border-top: 1px solid var(--line); text-align: right; font-weight: 400; white-space: nowrap; }
thead th { border-top: 0; color: var(--soft); font-size: 12.5px; }
th:first-child { text-align: left; padding-left: 0; }
th.wide { width: 34%; text-align: left; }
td.bar { position: relative; text-align: left; }
td.bar span { display: block; position: absolute; inset: 4px auto 4px 10px; max-width: calc(100% - 20px); background: var(--bar); border-radius: 3px; }
td.bar em { position: relative; font-style: normal; padding-left: 6px; }
td.bad { color: var(--bad); font-weight: 600; }
.sample p { margin: -6px 0 8px; color: var(--soft); font-size: 12.5px; }
pre {
  margin: 0; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 14px/1.9 ui-monospace, SFMono-Regular, Menlo, Consolas, "Noto Sans Mono CJK SC", monospace;
}
pre b { font-weight: 400; border-radius: 3px; padding: 2px 0; position: relative; -webkit-box-decoration-break: clone; box-decoration-break: clone; }
pre i { font-style: normal; color: var(--soft); }
.c0 { background: var(--c0); } .c1 { background: var(--c1); } .c2 { background: var(--c2); }
.c3 { background: var(--c3); } .c4 { background: var(--c4); } .u { background: var(--u); }
pre b:hover { outline: 2px solid var(--accent); }
pre b:hover::after {
  content: attr(data-tip); position: absolute; left: 0; bottom: calc(100% + 4px); z-index: 1; direction: ltr;
  padding: 2px 8px; border-radius: 6px; background: var(--text); color: var(--card);
  font: 12px/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre; pointer-events: none;
}
footer { color: var(--soft); font-size: 12.5px; margin-top: 18px; }
@media (max-width: 800px) { main { padding: 20px 12px 40px; } .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
@media print { section, .tiles div { break-inside: avoid; } }
`;
