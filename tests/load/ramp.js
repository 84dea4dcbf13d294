// Ramp: what happens to the times as ever more riders come? Arrivals rise from 1 to PEAK (20) riders a second within
// CLIMB (30) seconds, stay there for as long, and fall to nothing. Each boards one of 20 rides, says so again every two
// seconds, and exits after ten: at the top some ten times PEAK are aboard.
//
//   make load SCRIPT=ramp        or        k6 run -e PEAK=100 -e CLIMB=120 tests/load/ramp.js
//
// Arrivals do not wait for those before (an open model): a cluster that falls behind gets no relief. Read: ride_connect
// and ride_delivery, p(99) beside med: they part where something is full. dropped_iterations says that k6 had no virtual
// user left for an arrival; then its figures are too good, and it fails.

import exec from "k6/execution";
import { summaryTrendStats, thresholds, touch } from "./lib/metrics.js";
import { Rider } from "./lib/rider.js";
import { setting } from "./lib/settings.js";

const PEAK = setting("PEAK", 20);
const CLIMB = setting("CLIMB", 30);
const STAY_MS = 10000;

export const options = {
  scenarios: {
    riders: {
      executor: "ramping-arrival-rate",
      startRate: 1,
      preAllocatedVUs: PEAK * 12,
      stages: [
        { target: PEAK, duration: `${CLIMB}s` },
        { target: PEAK, duration: `${CLIMB}s` },
        { target: 0, duration: `${CLIMB}s` },
      ],
    },
  },
  thresholds: Object.assign(thresholds(), { dropped_iterations: ["count==0"] }),
  summaryTrendStats,
};

export default function () {
  touch();
  const number = exec.scenario.iterationInTest;
  new Rider({
    id: `ramp-${number}`,
    ride: `/ramp-${Math.floor(number / 2) % 20}`,
    plain: number % 2 === 0,
    onJoined: (rider) => rider.rides(STAY_MS, 2000),
  });
}
