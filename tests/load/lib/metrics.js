// What every script measures, and the thresholds that all share.

import { Counter, Trend } from "k6/metrics";

export const connectTime = new Trend("ride_connect", true); // until CONNECT is answered, or the 101 of /ws
export const delivery = new Trend("ride_delivery", true); // from a client's word to each client that hears it
export const heard = new Counter("ride_events"); // deliveries, all clients together
export const lost = new Counter("ride_lost"); // events that a client must have heard and has not
export const doubled = new Counter("ride_doubled");
export const failed = new Counter("ride_failed"); // connections refused or ended by other than an exit

// Loss and failure are never tolerated; how long things may take depends on the script.
export const thresholds = ({ connect = 1000, p95 = 250, p99 = 500 } = {}) => ({
  ride_connect: [`p(95)<${connect}`],
  ride_delivery: [`p(95)<${p95}`, `p(99)<${p99}`],
  ride_events: ["count>0"],
  ride_lost: ["count==0"],
  ride_doubled: ["count==0"],
  ride_failed: ["count==0"],
});

// Adds the counters that must be there even if they stay at zero: k6 judges no metric that was never used.
export function touch() {
  for (const counter of [lost, doubled, failed]) counter.add(0);
}
