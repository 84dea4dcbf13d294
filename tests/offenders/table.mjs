// The table of what offences cost.

import { mb } from "../lib/usage.mjs";

const COLUMNS = [
  ["offence", ({ name }) => name],
  ["bytes in", ({ sent }) => amount(sent)],
  ["bytes out", ({ received }) => amount(received)],
  ["memory", ({ memory }) => mb(memory)],
  ["gateway's CPU", ({ cpu }) => `${cpu.toFixed(2)} s`],
  ["Redis' CPU", ({ redisCpu }) => `${redisCpu.toFixed(2)} s`],
  ["log", ({ lines }) => `${lines} lines`],
  ["rides kept", ({ kept }) => kept.length],
  ["good ones' p99", ({ p99 }) => `${p99.toFixed(1)} ms`],
  ["it is told", ({ told }) => inWords(told)],
];
const TOLD_SHOWN = 4;
const isText = (i) => i === 0 || i === COLUMNS.length - 1;

const amount = (bytes) => (bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : mb(bytes));

export const inWords = (told) =>
  [...told]
    .sort(([, a], [, b]) => b - a)
    .slice(0, TOLD_SHOWN)
    .map(([text, times]) => `${text} (${times})`)
    .join("; ");

export function tableOf(rows) {
  const cells = [COLUMNS.map(([head]) => head), ...rows.map((row) => COLUMNS.map(([, cell]) => String(cell(row))))];
  const widths = COLUMNS.map((_, i) => Math.max(...cells.map((line) => line[i].length)));
  return cells.map((line) =>
    line
      .map((cell, i) => (isText(i) ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join("  ")
      .trimEnd(),
  );
}
