// docs/benchmark.md and docs/benchmark.svg, from what the rows returned.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { chart } from "./chart.mjs";
import { RUNS } from "./load.mjs";
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
    `ridecast ${said("git", "-C", ROOT, "rev-parse", "--short", "HEAD")}`,
    `libwebsockets ${said("pkg-config", "--modversion", "libwebsockets")}`,
    said("redis-server", "--version").replace(/ sha=.*/, ""),
    `Node.js ${process.version}`,
    ...["socket.io", "@socket.io/redis-adapter", "ws"].map(npm),
    ...["socketioxide", "socketioxide-redis"].map(crate),
    said("rustc", "--version"),
  ];
}

const table = (columns, lines) =>
  [columns, columns.map(() => "---"), ...lines.map((line) => columns.map((_, i) => line[i] ?? ""))]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");

function section({ row, result }) {
  const findings = result.findings.map(({ text, met }) => `- ${met ? "met" : "**missed**"}: ${text}`);
  const parts = [`## ${row.title}`, table(result.columns, result.lines)];
  if (findings.length > 0) parts.push(findings.join("\n"));
  parts.push(`\`make bench ONLY=${row.name}\``);
  return parts.join("\n\n");
}

export function writeReport(done) {
  const panels = done
    .filter(({ result }) => result.bars)
    .map(({ row, result }) => ({
      title: row.title,
      unit: result.unit,
      bars: result.bars.filter(({ value }) => Number.isFinite(value)),
    }))
    .filter(({ bars }) => bars.length > 0);
  const cpu = os.cpus()[0];
  const text = `# The benchmark

Written by \`make bench\`. Every server runs pinned to one core, with its Redis where it has one; the load generator
(tests/bench/load.c) has another. Figures are medians of ${RUNS} runs, each against servers just started; what should be 0
(lost, doubled, out of order) is the worst of them. A delivery is one event told to one client; every one is counted and
checked. CPU is that of the server's processes; times are from an event's sending to its reading. **floor** is a bare
epoll server that only calls \`send()\` (tests/bench/floor.c): what the kernel allows. A server keeps up with a rate when
99.5 % of the deliveries come while it lasts and none is lost.

Machine: ${cpu.model}, ${os.cpus().length} cores, ${Math.round(os.totalmem() / 2 ** 30)} GB, Linux ${os.release()}.

Versions: ${versions().join("; ")}.

![Chart of the figures below](benchmark.svg)

${done.map(section).join("\n\n")}
`;
  writeFileSync(path.join(ROOT, "docs/benchmark.md"), text);
  writeFileSync(path.join(ROOT, "docs/benchmark.svg"), chart(panels));
}
