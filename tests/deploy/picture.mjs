// Draws the dashboard of deploy/grafana as it looks for a cluster under load, with the answers of a real Prometheus and
// without Grafana: node deploy/picture.mjs FILE.png

import { readFile } from "node:fs/promises";
import path from "node:path";
import { CLIENT, startBrowser } from "../lib/browser.mjs";
import { scoped } from "../lib/cleanup.mjs";
import { startCluster } from "../lib/cluster.mjs";
import { Nginx } from "../lib/nginx.mjs";
import { ROOT, built } from "../lib/places.mjs";
import { startProgram } from "../lib/process.mjs";
import { Prometheus } from "../lib/prometheus.mjs";

const SECONDS = 90;
const file = process.argv[2];
if (!file) throw new Error("usage: node deploy/picture.mjs FILE.png");

const LOAD = built("tests/bench/bench-load");
const dashboard = JSON.parse(await readFile(path.join(ROOT, "deploy/grafana/dashboards/ridecast.json"), "utf8"));
const uplot = path.join(CLIENT, "node_modules/uplot/dist");

// Runs in the page.
function draw(panels) {
  const colours = ["#5794f2", "#73bf69", "#ff9830", "#f2495c", "#b877d9", "#fade2a", "#8ab8ff", "#96d98d"];
  const short = (value, unit) => {
    if (value === null || Number.isNaN(value)) return "–";
    if (unit === "s") return value < 1 ? `${(value * 1000).toPrecision(3)} ms` : `${value.toPrecision(3)} s`;
    if (unit === "percentunit") return `${(value * 100).toPrecision(3)} %`;
    const power = value >= 1e6 ? 1e6 : value >= 1e3 ? 1e3 : 1;
    const number = `${Number((value / power).toPrecision(3))}${{ 1: "", 1e3: " k", 1e6: " M" }[power]}`;
    return unit === "bytes" ? `${number}B` : number;
  };
  for (const panel of panels) {
    const box = document.body.appendChild(document.createElement("section"));
    const { x, y, w, h } = panel.gridPos;
    box.style.gridArea = `${y + 1} / ${x + 1} / span ${h} / span ${w}`;
    box.className = panel.type;
    box.appendChild(document.createElement("h2")).textContent = panel.title;
    if (panel.type === "row") continue;
    if (panel.type === "stat") {
      const value = panel.series[0]?.values.at(-1) ?? null;
      const step = panel.steps?.filter((step) => step.value === null || value >= step.value).at(-1);
      box.appendChild(document.createElement("p")).textContent = short(value, panel.unit);
      if (step) box.style.background = { red: "#c4162a", green: "#37872d", orange: "#fa6400" }[step.color];
      continue;
    }
    const place = box.appendChild(document.createElement("div"));
    const width = place.clientWidth;
    new uPlot(
      {
        width,
        height: box.clientHeight - 62,
        legend: { show: false },
        scales: { y: { range: (_, low, high) => [0, high || 1] } },
        axes: [
          { stroke: "#aaa", grid: { stroke: "#333" } },
          { stroke: "#aaa", grid: { stroke: "#333" }, size: 70, values: (_, ticks) => ticks.map((tick) => short(tick, panel.unit)) },
        ],
        series: [{}, ...panel.series.map((_, i) => ({ stroke: colours[i % colours.length], width: 1.5 }))],
      },
      [panel.times, ...panel.series.map(({ values }) => values)],
      place,
    );
    const legend = box.appendChild(document.createElement("footer"));
    panel.series.forEach(({ name }, i) => {
      const entry = legend.appendChild(document.createElement("span"));
      entry.textContent = name;
      entry.style.setProperty("--colour", colours[i % colours.length]);
    });
  }
}

const STYLE = `
  body { margin: 8px; background: #111217; color: #ddd; font: 12px sans-serif; display: grid; gap: 6px;
         grid-template-columns: repeat(24, 1fr); grid-auto-rows: 26px; }
  section { background: #181b1f; border: 1px solid #2c3235; border-radius: 3px; padding: 4px 8px; overflow: hidden;
            display: flex; flex-direction: column; }
  section.row { background: none; border: none; } section.row h2 { font-size: 14px; }
  h2 { font-size: 12px; margin: 2px 0; } p { font-size: 30px; margin: auto; }
  footer { display: flex; gap: 10px; flex-wrap: wrap; } span::before { content: "▬ "; color: var(--colour); }`;

const named = (legend, metric) => legend.replace(/{{(\w+)}}/g, (_, label) => metric[label] ?? "");

async function answers(prometheus, panel, start, end) {
  const series = [];
  const times = Array.from({ length: Math.floor(end - start) + 1 }, (_, i) => Math.floor(start) + i);
  for (const { expr, legendFormat } of panel.targets ?? []) {
    for (const { metric, values } of await prometheus.ask(expr, { start: times[0], end: times.at(-1), step: 1 })) {
      const at = new Map(values.map(([time, value]) => [Math.round(time), Number(value)]));
      series.push({ name: named(legendFormat, metric), values: times.map((time) => at.get(time) ?? null) });
    }
  }
  const { unit, thresholds } = panel.fieldConfig?.defaults ?? {};
  return { type: panel.type, title: panel.title, gridPos: panel.gridPos, unit, steps: thresholds?.steps, times, series };
}

await scoped(async (t) => {
  const { gateways } = await startCluster(t, { size: 3, trustedProxy: "127.0.0.0/8" });
  const nginx = await Nginx.start(t, gateways);
  const prometheus = await Prometheus.start(t, gateways);
  const start = Date.now() / 1000 + 5;
  const crowds = [
    { clients: 600, rides: 6, rate: 60 },
    { clients: 300, rides: 3, rate: 30, dialect: "plain" },
  ];
  const loads = crowds.map((crowd) => {
    const flags = { ports: nginx.port, publishers: 2, window: SECONDS * 1000, ...crowd };
    return startProgram(t, LOAD, Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]));
  });
  await Promise.race(loads.map(({ exited }) => exited));
  const end = Date.now() / 1000 - 1;
  const panels = [];
  for (const panel of dashboard.panels) panels.push(await answers(prometheus, panel, start, end));

  const browser = await startBrowser(t);
  const page = await browser.newPage({ viewport: { width: 1600, height: 1400 } });
  await page.setContent(`<style>${STYLE}</style>`);
  await page.addStyleTag({ path: path.join(uplot, "uPlot.min.css") });
  await page.addScriptTag({ path: path.join(uplot, "uPlot.iife.min.js") });
  await page.evaluate(draw, panels);
  await page.screenshot({ path: file, fullPage: true });
});
