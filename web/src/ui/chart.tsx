/* chart: one value or two per day, drawn by uPlot on a canvas in the colours of the page.  The caller shows the same
 * figures as a table, for those who cannot see the drawing. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { shownTheme } from '../lib/theme';
import 'uplot/dist/uPlot.min.css';

export interface Series {
  label: string;
  colour: string; // the name of a CSS variable
  values: number[];
}

interface ChartProps {
  label: string; // what a screen reader says
  days: string[]; // one for each value
  series: Series[];
  kind: 'bars' | 'lines';
  format: (n: number) => string;
  /* Changes when the drawing must be made anew rather than given new values. */
  id: string;
}

const HEIGHT = 240;

function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axes(props: () => ChartProps): uPlot.Axis[] {
  const look = { stroke: css('--ink-2'), font: '12px system-ui, sans-serif', ticks: { show: false } };
  return [
    {
      ...look,
      grid: { show: false },
      size: 32,
      incrs: [1, 2, 3, 5, 7, 10, 14, 30, 60],
      space: 52,
      values: (_u, at) => at.map((i) => props().days[i] ?? ''),
    },
    {
      ...look,
      grid: { stroke: css('--line'), width: 1 },
      size: (u, values) => {
        const widest = (values ?? []).reduce(
          (w, v) => Math.max(w, u.ctx.measureText(v).width / devicePixelRatio),
          0,
        );
        return Math.ceil(widest) + 18;
      },
      values: (_u, at) => at.map((v) => (Number.isInteger(v) ? props().format(v) : '')),
    },
  ];
}

function lines(p: ChartProps): uPlot.Series[] {
  return p.series.map((s, n) => {
    const stroke = css(s.colour);
    const common = {
      label: s.label,
      stroke,
      value: (_u: uPlot, v: number | null) => (v === null ? '' : p.format(v)),
    };
    if (p.kind === 'bars' && uPlot.paths.bars)
      return {
        ...common,
        fill: stroke,
        width: 0,
        paths: uPlot.paths.bars({ size: [0.62, 56], radius: 0.12 }),
        points: { show: false },
      };
    return {
      ...common,
      width: 2.5,
      dash: n ? [6, 5] : [],
      points: { show: true, size: 7, fill: css('--surface'), width: 2 },
    };
  });
}

function make(place: HTMLElement, props: () => ChartProps): uPlot {
  const p = props();
  return new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      padding: [12, 8, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: (_u, min, max) => [min - 0.6, max + 0.6] },
        y: { range: (_u, min, max) => [Math.min(0, min), Math.max(1, max) * 1.08] },
      },
      axes: axes(props),
      series: [{}, ...lines(p)],
    },
    data(p),
    place,
  );
}

function data(p: ChartProps): uPlot.AlignedData {
  return [p.days.map((_, i) => i), ...p.series.map((s) => s.values)];
}

export function Chart(props: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const now = useRef(props);
  now.current = props;

  useEffect(() => {
    const el = place.current;
    if (!el) return undefined;
    const remake = () => {
      plot.current?.destroy();
      plot.current = make(el, () => now.current);
    };
    remake();
    const sizes = new ResizeObserver(() => plot.current?.setSize({ width: el.clientWidth, height: HEIGHT }));
    sizes.observe(el);
    return () => {
      sizes.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [props.id, shownTheme.value]);

  useEffect(() => {
    plot.current?.setData(data(props));
  }, [JSON.stringify(props.series), props.days.join()]);

  return (
    <>
      <ul class="legend" aria-hidden="true">
        {props.series.map((s, n) => (
          <li key={s.label} class={`legend-${props.kind}-${n}`}>
            {s.label}
          </li>
        ))}
      </ul>
      <div class="chart" role="img" aria-label={props.label} ref={place} />
    </>
  );
}
