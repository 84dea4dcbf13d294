// docs/benchmark.md and docs/benchmark.svg, from what docs/benchmark.json keeps of each row: its result, and the setting it
// was measured in.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { chart } from "./chart.mjs";
import { RUNS } from "./load.mjs";
import { ROWS } from "./rows.mjs";
import { HERE } from "./servers.mjs";
import { ROOT } from "../lib/places.mjs";

const said = (program, ...args) => {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim().split("\n")[0];
  } catch {
    return `no ${program}`;
  }
};

function versions() {
  const { packages } = JSON.parse(readFileSync(path.join(HERE, "peers/node/package-lock.json"), "utf8"));
  const crates = readFileSync(path.join(HERE, "peers/socketioxide/Cargo.toml"), "utf8");
  const npm = (name) => `${name} ${packages[`node_modules/${name}`].version}`;
  const crate = (name) => `${name} ${crates.match(new RegExp(`^${name} = .*?"=(.*?)"`, "m"))[1]}`;
  return [
    `libwebsockets ${said("pkg-config", "--modversion", "libwebsockets")}`,
    said("redis-server", "--version").replace(/ sha=.*/, ""),
    `Node.js ${process.version}`,
    ...["socket.io", "@socket.io/redis-adapter", "ws"].map(npm),
    ...["socketioxide", "socketioxide-redis"].map(crate),
    said("rustc", "--version"),
    said("valgrind", "--version"),
  ];
}

// The commit, and whether there is more than it has, other than what rows have written before.
function commit() {
  const name = said("git", "-C", ROOT, "rev-parse", "--short", "HEAD");
  const changed = said("git", "-C", ROOT, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/benchmark.*");
  return changed ? `${name}-dirty` : name;
}

// Of what is measured now.
export function setting() {
  const cpu = os.cpus()[0];
  return {
    ridecast: commit(),
    machine: `${cpu.model}, ${os.cpus().length} cores, ${Math.round(os.totalmem() / 2 ** 30)} GB, Linux ${os.release()}`,
    runs: RUNS,
    versions: versions(),
  };
}

const table = (columns, lines) =>
  [columns, columns.map(() => "---"), ...lines.map((line) => columns.map((_, i) => line[i] ?? ""))]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");

function section({ name, title, result, number }) {
  const findings = result.findings.map(({ text, met }) => `- ${met ? "met" : "**missed**"}: ${text}`);
  const parts = [`## ${title}`, table(result.columns, result.lines)];
  if (findings.length > 0) parts.push(findings.join("\n"));
  parts.push(`Setting ${number}, \`make bench ONLY=${name}\``);
  return parts.join("\n\n");
}

// The bars of the column that a row's result names; a server that was not measured has none.
function panel({ title, result }) {
  const column = result.columns.indexOf(result.chart);
  const bars = result.lines.map((line) => ({ label: line[0], value: Number(line[column]?.replaceAll(",", "")) }));
  return { title, unit: result.chart, bars: bars.filter(({ value }) => Number.isFinite(value)) };
}

// `kept`: by the row's name, its result with a setting(). Answers { text, svg }.
export function report(kept) {
  const settings = [];
  const numbered = (setting) => {
    const { ridecast, machine, runs, versions } = setting;
    const text = `ridecast ${ridecast} on ${machine}; medians of ${runs} runs; ${versions.join("; ")}.`;
    if (!settings.includes(text)) settings.push(text);
    return settings.indexOf(text) + 1;
  };
  const done = ROWS.filter(({ name }) => kept[name]).map(({ name, title }) => {
    const { setting, ...result } = kept[name];
    return { name, title, result, number: numbered(setting) };
  });
  const panels = done.map(panel).filter(({ bars }) => bars.length > 0);
  const text = `# The benchmark

Written by \`make bench\`. Every server runs pinned to one core, with its Redis where it has one; the load generator
(tests/bench/load.c) has another. Figures are medians of some runs, each against servers just started; what should be 0
(lost, doubled, out of order) is the worst of them. A delivery is one event told to one client; every one is counted and
checked. CPU is that of the server's processes; times are from an event's sending to its reading. **floor** is a bare
epoll server that only calls \`send()\` (tests/bench/floor.c): what the kernel allows. A server keeps up with a rate when
99.5 % of the deliveries come while it lasts and none is lost.

Each table was measured in one of these settings; \`benchmark.json\` keeps all that is here.

${settings.map((text, i) => `${i + 1}. ${text}`).join("\n")}

![Chart of the figures below](benchmark.svg)

${done.map(section).join("\n\n")}
`;
  return { text, svg: chart(panels) };
}
