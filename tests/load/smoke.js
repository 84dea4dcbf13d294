// Smoke: does the whole path work, with a little of everything? 40 riders, half over Socket.IO, half on /ws, on two
// rides; each boards, says so again every second, and exits after ten. Any loss, double or early end fails it.
//
//   make load        or        k6 run tests/load/smoke.js      (RIDECAST_URL, default http://localhost:8080)
//
// Read: ride_events is every delivery to every client; ride_delivery the time from a rider's word to each hearing it.

import { setInterval, clearInterval, setTimeout } from "k6/timers";
import { thresholds, touch } from "./lib/metrics.js";
import { Rider } from "./lib/rider.js";

const RIDERS = 40;
const STAY_MS = 10_000;

export const options = {
  scenarios: { riders: { executor: "per-vu-iterations", vus: RIDERS, iterations: 1, maxDuration: "30s" } },
  thresholds: { ...thresholds(), iterations: [`count==${RIDERS}`] },
};

export default function () {
  touch();
  new Rider({
    id: `smoke-${__VU}`,
    ride: `/smoke-${Math.floor(__VU / 2) % 2}`,
    plain: __VU % 2 === 0,
    onJoined(rider) {
      rider.say("boarding");
      const again = setInterval(() => rider.say("boarding"), 1000);
      setTimeout(() => {
        clearInterval(again);
        rider.say("exiting");
      }, STAY_MS);
    },
  });
}
