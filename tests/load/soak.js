// Soak: does anything pile up? RIDERS (200) at any time for DURATION (1h), on rides of 20: each stays 10 to 60 s, some
// over Socket.IO, which drop once and come back, some on /ws; then another takes its place. Where RIDECAST_GATEWAYS says
// where the gateways are (with make load), their memory and open files are watched.
//
//   DURATION=2h make load SCRIPT=soak        or        k6 run -e DURATION=8h tests/load/soak.js
//
// Read: gateway_growth is a gateway's memory to its own after a fifth of the time: a leak shows as a maximum that rises
// with DURATION; 1.5 fails. gateway_files is open files, of which all but some 30 are clients. Times at the end of a long
// run should be those of a short one.

import exec from "k6/execution";
import http from "k6/http";
import { sleep } from "k6";
import { Trend } from "k6/metrics";
import { summaryTrendStats, thresholds, touch } from "./lib/metrics.js";
import { Rider } from "./lib/rider.js";
import { setting } from "./lib/settings.js";

const RIDERS = setting("RIDERS", 200);
const DURATION = __ENV.DURATION || "1h";
const GATEWAYS = __ENV.RIDECAST_GATEWAYS ? __ENV.RIDECAST_GATEWAYS.split(",") : [];
const RIDES = Math.ceil(RIDERS / 20);

const memory = new Trend("gateway_memory"); // bytes
const growth = new Trend("gateway_growth");
const files = new Trend("gateway_files");

const riders = { executor: "constant-vus", vus: RIDERS, duration: DURATION, gracefulStop: "90s" };
const watcher = { executor: "constant-vus", exec: "watch", vus: 1, duration: DURATION };

export const options = {
  scenarios: GATEWAYS.length > 0 ? { riders, watcher } : { riders },
  thresholds: Object.assign(thresholds(), { gateway_growth: GATEWAYS.length > 0 ? ["max>0", "max<1.5"] : [] }),
  summaryTrendStats,
};

export default function () {
  touch();
  const number = exec.scenario.iterationInTest;
  const plain = number % 3 === 0;
  const stayMs = 10000 + Math.random() * 50000;
  new Rider({
    id: `soak-${number}`,
    ride: `/soak-${number % RIDES}`,
    plain,
    returns: !plain,
    onJoined(rider) {
      rider.rides(stayMs, 5000);
      if (!plain) rider.after(stayMs * Math.random(), () => rider.drop());
    },
  });
}

const before = {};

export function watch() {
  for (const gateway of GATEWAYS) {
    const { body } = http.get(`${gateway}/metrics`);
    const value = (name) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(body)[1]);
    const bytes = value("process_resident_memory_bytes");
    memory.add(bytes);
    files.add(value("process_open_fds"));
    if (before[gateway] !== undefined) growth.add(bytes / before[gateway]);
    else if (exec.scenario.progress > 0.2) before[gateway] = bytes;
  }
  sleep(1);
}
