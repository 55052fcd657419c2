// Charts over time. The canvas is only the picture: the same is in the caption as figures of now (or of where the pointer
// is), and in words for who cannot see it.

import { clock } from './format.js';
import { useId } from './ui.js';
import { html, useEffect, useMemo, useRef, useState } from './vendor/htm-preact.js';

let library = null;

/** The library and its style sheet, once there is something to draw: the first paint does not wait for them. */
function load() {
  library ??= Promise.all([import('./vendor/uPlot.js'), new Promise((resolve) => {
    const style = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: new URL('./vendor/uPlot.css', import.meta.url).href });
    style.onload = resolve;
    style.onerror = resolve;
    document.head.prepend(style);
  })]).then(([module]) => module.default);
  return library;
}

const numbers = (values) => values.filter((value) => value !== null && value !== undefined);
/** `{now, least, most, mean}`, or null without a value. */
export function summary(values) {
  const there = numbers(values);
  if (there.length === 0) return null;
  let [least, most, sum] = [Infinity, -Infinity, 0];
  for (const value of there) {
    if (value < least) least = value;
    if (value > most) most = value;
    sum += value;
  }
  return { now: values.at(-1) ?? null, least, most, mean: sum / there.length };
}

/** Round numbers for the axis, from 0 or close to the values. */
function scale(least, most, zero) {
  if (zero || least === most) return [Math.min(0, least), most > 0 ? most * 1.15 : 1];
  const room = (most - least) * 0.2;
  return [Math.max(0, least - room), most + room];
}

function soft(color) {
  return color.replace(/^rgb\((.+)\)$/, 'rgba($1, 0.10)');
}

/** Figures that have none before and after them: no line goes there, so they are points. */
function alone(plot, series) {
  const values = plot.data[series];
  const none = (at) => values[at] === null || values[at] === undefined;
  return [...values.keys()].filter((at) => !none(at) && none(at - 1) && none(at + 1));
}

function options({ uPlot, width, height, series, colors, format, ticks, zero, small, read }) {
  const font = `11px ${colors.font}`;
  const axis = { stroke: colors.axis, font, ticks: { show: false }, grid: { stroke: colors.grid, width: 1 } };
  return {
    width, height,
    padding: [8, 8, small && width <= 200 ? 8 : 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: 'donet' }, y: false, drag: { x: false, y: false },
      points: { size: 7, width: 2, fill: (_, at) => colors.series[at - 1], stroke: () => colors.surface },
    },
    scales: { x: { time: true }, y: { range: (_, least, most) => scale(least ?? 0, most ?? 0, zero) } },
    axes: [
      { ...axis, show: !small || width > 200, size: 24, space: 90, gap: 6, grid: { show: false }, values: (_, marks) => marks.map((mark) => clock(mark).slice(0, mark % 60 === 0 ? 5 : 8)) },
      { ...axis, size: small ? 48 : 54, space: small ? 28 : 34, gap: 6, values: (_, marks) => marks.map((mark) => (mark === 0 ? '0' : (ticks ?? format)(mark))) },
    ],
    series: [{}, ...series.map(({ fill, thin }, at) => ({
      stroke: colors.series[at], width: thin ? 1 : 1.6, points: { show: true, size: 3, width: 0, fill: colors.series[at], filter: alone }, spanGaps: false,
      fill: fill ? soft(colors.series[at]) : undefined,
      paths: uPlot.paths.linear(),
    }))],
    hooks: { setCursor: [(plot) => read(plot.cursor.idx ?? null)] },
  };
}

/** What the theme says, from elements that have the colours: the canvas has no style sheets. */
function colorsOf(figure) {
  const color = (element, what) => getComputedStyle(element)[what];
  return {
    series: [...figure.querySelectorAll('.swatch')].map((swatch) => color(swatch, 'color')),
    axis: color(figure.querySelector('.chart-axis'), 'color'),
    grid: color(figure.querySelector('.chart-grid'), 'color'),
    surface: color(figure.querySelector('.chart-surface'), 'color'),
    font: color(figure, 'fontFamily'),
  };
}

/** `series` are `{key, label, tone, fill, thin}`, `samples` the figures, oldest first. */
export function Chart({ title, series, samples, format, ticks, zero = true, height = 180, small, theme }) {
  const figure = useRef(null);
  const box = useRef(null);
  const plot = useRef(null);
  const heading = useId('chart');
  const [at, read] = useState(null);
  const data = useMemo(() => [samples.map(({ time }) => Date.parse(time) / 1000), ...series.map(({ key }) => samples.map((sample) => sample[key] ?? null))], [samples]);
  const shown = useRef(data);
  shown.current = data;

  useEffect(() => {
    let gone = false;
    let observer = null;
    load().then((uPlot) => {
      if (gone) return;
      const colors = colorsOf(figure.current);
      const width = () => Math.max(120, Math.floor(box.current.clientWidth));
      plot.current = new uPlot(options({ uPlot, width: width(), height, series, colors, format, ticks, zero, small, read }), shown.current, box.current);
      observer = new ResizeObserver(() => plot.current.setSize({ width: width(), height }));
      observer.observe(box.current);
    });
    return () => {
      gone = true;
      observer?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [theme, height]);
  useEffect(() => plot.current?.setData(data), [data]);

  // For ears, four times a minute: each second would be a nuisance.
  const words = useMemo(() => series.map(({ key, label }) => {
    const all = summary(samples.map((sample) => sample[key]));
    return all ? `${label}: now ${format(all.now)}, between ${format(all.least)} and ${format(all.most)}` : `${label}: nothing yet`;
  }).join('; '), [Math.floor(samples.length / 15), Math.floor(Date.now() / 15_000)]);

  const place = at !== null && at < samples.length ? at : samples.length - 1;
  return html`<figure ref=${figure} class=${`chart${small ? ' small' : ''}`} aria-labelledby=${heading}>
    <figcaption>
      <h3><span id=${heading}>${title}</span><span class="legend-time" aria-hidden="true">${at !== null && samples[place] ? clock(Date.parse(samples[place].time) / 1000) : ''}</span></h3>
      <div class="legend">${series.map(({ key, label, tone }) => html`<span key=${key} class="legend-item"><span class=${`swatch ${tone ?? 'one'}`} aria-hidden="true"></span>
        <span class=${small ? 'hidden' : 'legend-label'}>${label}</span> <span class="legend-value">${samples.length > 0 ? format(samples[place]?.[key]) : '–'}</span></span>`)}</div>
    </figcaption>
    <div ref=${box} class="plot" role="img" aria-label=${`Chart of the last ten minutes. ${words}`} style=${{ height: `${height}px` }}></div>
    <span class="chart-axis" hidden></span><span class="chart-grid" hidden></span><span class="chart-surface" hidden></span>
  </figure>`;
}
