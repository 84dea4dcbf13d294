// Spike, the thundering herd: RIDERS (500) connect in the same moment, each boards one of the rides of 25; then, all in
// one moment again, they drop their connections and are back at once, as after a failure of the network. Nobody may miss
// an event or be told as gone.
//
//   make load SCRIPT=spike        or        k6 run -e RIDERS=5000 tests/load/spike.js
//
// Read: ride_connect, max: how long the last of the herd waited for its place; ride_reconnect the same for coming back
// with all that was missed. ride_delivery has the riders' own rush in it, and what was told on coming back.

import exec from "k6/execution";
import { summaryTrendStats, thresholds, touch } from "./lib/metrics.js";
import { Rider } from "./lib/rider.js";
import { setting } from "./lib/settings.js";

const RIDERS = setting("RIDERS", 500);
const ON_A_RIDE = 25;
const SPIKE_MS = 15000; // from the start
const STAY_MS = 25000;

export const options = {
  scenarios: { herd: { executor: "per-vu-iterations", vus: RIDERS, iterations: 1, maxDuration: "90s" } },
  thresholds: Object.assign(thresholds({ connect: 5000, p95: 3000, p99: 5000 }), {
    iterations: [`count==${RIDERS}`],
    ride_reconnect: ["max>0", "p(95)<5000"], // above 0: somebody did come back
  }),
  summaryTrendStats,
};

export default function () {
  touch();
  new Rider({
    id: `spike-${__VU}`,
    ride: `/spike-${Math.floor(__VU / ON_A_RIDE)}`,
    returns: true,
    onJoined(rider) {
      rider.rides(STAY_MS, 5000);
      rider.after(SPIKE_MS - (Date.now() - exec.scenario.startTime), () => rider.drop());
    },
  });
}
