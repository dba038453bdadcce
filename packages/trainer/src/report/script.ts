/**
 * What runs in the reader's browser: it draws the charts with uPlot in the colours of the style sheet, and again when
 * the window or the colour scheme changes. Plain text, since nothing compiles it.
 */
export const SCRIPT = `
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
  const short = (value) => {
    if (value === null || value === undefined) return '–';
    const size = Math.abs(value);
    for (const [unit, name] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']])
      if (size >= unit) return +(value / unit).toPrecision(3) + name;
    if (size > 0 && size < 0.01) return value.toExponential(1).replace('.0e', 'e');
    return String(+value.toPrecision(4));
  };
  const dash = (value) => (value === null || value === undefined ? '–' : value.toFixed(4));
  const charts = [
    { id: 'loss', height: 340, series: [
      { label: 'Training', color: 'train', width: 1, value: dash },
      { label: 'Smoothed', color: 'smooth', width: 2, value: dash },
      { label: 'Validation', color: 'validation', width: 2, value: dash, points: true },
    ] },
    { id: 'lr', height: 190, series: [{ label: 'Learning rate', color: 'other', width: 2, value: short }], zero: true },
    { id: 'gradNorm', height: 190, series: [{ label: 'Gradient norm', color: 'warm', width: 1.25, value: short }], zero: true },
    { id: 'speed', height: 190, series: [{ label: 'Tokens/s', color: 'smooth', width: 1.25, value: short }], zero: true },
  ];
  const cap = (values, share) => {
    const sorted = values.filter((v) => v !== null).sort((a, b) => a - b);
    return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] : 1;
  };
  let drawn = [];
  const draw = () => {
    for (const plot of drawn) plot.destroy();
    drawn = charts.map((chart) => {
      const place = document.getElementById(chart.id);
      const columns = data[chart.id];
      const axis = (extra) => ({
        stroke: color('soft'), font: '12px system-ui, sans-serif',
        grid: { stroke: color('line'), width: 1 }, ticks: { show: false }, ...extra,
      });
      // A gradient norm that jumps once would flatten all the rest: the axis ends at the 99.5th percentile.
      const top = chart.zero ? cap(columns[1], 0.995) * 1.15 || 1 : undefined;
      return new uPlot({
        width: place.clientWidth, height: chart.height,
        cursor: { sync: { key: 'run' }, drag: { x: true, y: false }, points: { size: 7 } },
        padding: [8, 14, 0, 0],
        scales: { x: { time: false }, y: chart.zero ? { range: (u, min, max) => [0, Math.max(top, 1e-12)] } : {} },
        axes: [
          axis({ values: (u, ticks) => ticks.map(short), space: 70, size: 32 }),
          axis({ values: (u, ticks) => ticks.map(short), space: 36, size: 48 }),
        ],
        series: [
          { label: 'Tokens', value: (u, v) => short(v) },
          ...chart.series.map((s) => ({
            label: s.label, stroke: color(s.color), width: s.width, spanGaps: true,
            points: s.points ? { show: true, size: 7, fill: color('card'), stroke: color(s.color), width: 2 } : { show: columns[0].length < 3 },
            value: (u, v) => s.value(v),
          })),
        ],
      }, columns, place);
    });
  };
  draw();
  let width = innerWidth;
  let timer;
  addEventListener('resize', () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(timer);
    timer = setTimeout(draw, 100);
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
})();
`;
