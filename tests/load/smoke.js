// Smoke: does the whole path work, with a little of everything? 40 riders, half over Socket.IO, half on /ws, on two
// rides; each boards, says so again every second, and exits after ten. Any loss, double or early end fails it.
//
//   make load        or        k6 run tests/load/smoke.js      (RIDECAST_URL, default http://localhost:8080)
//
// Read: ride_events is every delivery to every client; ride_delivery the time from a rider's word to each hearing it.
// The counters of what must not be (lost, doubled, disconnected, failed) say 0.

import { summaryTrendStats, thresholds, touch } from "./lib/metrics.js";
import { Rider } from "./lib/rider.js";

const RIDERS = 40;
const STAY_MS = 10000;

export const options = {
  scenarios: { riders: { executor: "per-vu-iterations", vus: RIDERS, iterations: 1, maxDuration: "30s" } },
  thresholds: Object.assign(thresholds(), { iterations: [`count==${RIDERS}`] }),
  summaryTrendStats,
};

export default function () {
  touch();
  new Rider({
    id: `smoke-${__VU}`,
    ride: `/smoke-${Math.floor(__VU / 2) % 2}`,
    plain: __VU % 2 === 0,
    onJoined: (rider) => rider.rides(STAY_MS, 1000),
  });
}
