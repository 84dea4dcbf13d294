// What a process holds and has used, as the kernel tells.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";

const TICKS = 100; // a second, of the kernel's CPU times

// Bytes resident, now and at most since forgetPeak(), seconds of CPU since its start, open files.
export function usage(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const times = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
  return {
    resident: Number(status.match(/^VmRSS:\s+(\d+)/m)[1]) * 1024,
    peak: Number(status.match(/^VmHWM:\s+(\d+)/m)[1]) * 1024,
    cpu: (Number(times[11]) + Number(times[12])) / TICKS,
    files: readdirSync(`/proc/${pid}/fd`).length,
  };
}

export const cpuOf = (pids) => pids.reduce((sum, pid) => sum + usage(pid).cpu, 0);

export const forgetPeak = (pid) => writeFileSync(`/proc/${pid}/clear_refs`, "5");

export const children = (pid) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);

export const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
