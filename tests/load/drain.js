// Drain: does anybody notice that all gateways are restarted, one after the other? RIDERS (60) on three rides say a word
// each second for SECONDS (45). They come back when their gateway lets them go, as the official client does, after 0.5
// to 1.5 s. Meanwhile every gateway is to be restarted: `make load` does it; with containers say, once this runs,
//
//   docker-compose up -d --no-deps --build --force-recreate gateway
//
//   make load SCRIPT=drain        or        k6 run tests/load/drain.js
//
// Read: ride_lost, ride_doubled and ride_disconnected are 0: what a rider missed it was told on coming back, and nobody
// was told that it had gone. ride_reconnect is how long riders were away, their own pause included: p(99) and max.
// ride_delivery has in it what was said and told late, on coming back, hence its thresholds. A run in which nobody had to come
// back has shown nothing, and fails.

import { summaryTrendStats, thresholds, touch } from "./lib/metrics.js";
import { Rider } from "./lib/rider.js";
import { setting } from "./lib/settings.js";

const RIDERS = setting("RIDERS", 60);
const SECONDS = setting("SECONDS", 45);

export const options = {
  scenarios: {
    riders: { executor: "per-vu-iterations", vus: RIDERS, iterations: 1, maxDuration: `${SECONDS + 60}s` },
  },
  thresholds: Object.assign(thresholds({ p95: 2000, p99: 3000 }), {
    iterations: [`count==${RIDERS}`],
    ride_reconnect: ["max>0", "p(99)<5000"], // above 0: somebody did come back
  }),
  summaryTrendStats,
};

export default function () {
  touch();
  new Rider({
    id: `drain-${__VU}`,
    ride: `/drain-${__VU % 3}`,
    returns: true,
    onJoined: (rider) => rider.rides(SECONDS * 1000, 1000),
  });
}
