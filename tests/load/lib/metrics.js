// What every script measures, and the thresholds that all share.

import { Counter, Trend } from "k6/metrics";
import { setting } from "./settings.js";

export const connectTime = new Trend("ride_connect", true); // until CONNECT is answered, or the 101 of /ws
export const reconnectTime = new Trend("ride_reconnect", true); // from a drop until the rider is recovered
export const delivery = new Trend("ride_delivery", true); // from a client's word to each client that hears it
export const heard = new Counter("ride_events"); // deliveries, all clients together
export const lost = new Counter("ride_lost"); // events that a client must have heard and has not
export const doubled = new Counter("ride_doubled");
export const disconnected = new Counter("ride_disconnected"); // userDisconnected heard: nobody here leaves without a word
export const failed = new Counter("ride_failed"); // connections refused or ended, words refused, riders not recovered

// Where everything is slow, with sanitizers say, all may take SLACK times as long.
const SLACK = setting("SLACK", 1);

// Loss and failure are never tolerated; how long things may take (ms) depends on the script.
export const thresholds = ({ connect = 1000, p95 = 250, p99 = 500 } = {}) => ({
  ride_connect: [`p(95)<${connect * SLACK}`],
  ride_delivery: [`p(95)<${p95 * SLACK}`, `p(99)<${p99 * SLACK}`],
  ride_events: ["count>0"],
  ride_lost: ["count==0"],
  ride_doubled: ["count==0"],
  ride_disconnected: ["count==0"],
  ride_failed: ["count==0"],
});

export const summaryTrendStats = ["min", "med", "p(95)", "p(99)", "max"];

// Adds the counters that must be there even if they stay at zero: k6 judges no metric that was never used.
export function touch() {
  for (const counter of [lost, doubled, disconnected, failed]) counter.add(0);
}
