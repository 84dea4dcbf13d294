// Fan-out: how long does an event take to everybody on one large ride? WATCHERS (500), half over Socket.IO, half on
// /ws, only listen; SPEAKERS (5) say RATE (10) words a second in all, for SECONDS (20). Each watcher asks at the end
// which event is the latest, so that one missed at the end is noticed, too.
//
//   make load SCRIPT=fanout        or        k6 run -e WATCHERS=2000 tests/load/fanout.js
//
// Read: ride_events is about WATCHERS × RATE × SECONDS; ride_delivery is the whole way, a speaker's word to Redis, to
// three gateways, and to each watcher. k6 itself takes some 70 µs of a core for each delivery: when it uses all of its
// cores (see top), the times are its own, and tests/bench/load.c is the tool.

import exec from "k6/execution";
import { summaryTrendStats, thresholds, touch } from "./lib/metrics.js";
import { Rider } from "./lib/rider.js";
import { setting } from "./lib/settings.js";

const WATCHERS = setting("WATCHERS", 500);
const SPEAKERS = setting("SPEAKERS", 5);
const RATE = setting("RATE", 10);
const SECONDS = setting("SECONDS", 20);
const ARRIVAL_S = 5 + Math.ceil(WATCHERS / 200);
const END_S = ARRIVAL_S + SECONDS + 3;

const all = (vus, name, startTime) => ({
  executor: "per-vu-iterations",
  exec: name,
  vus,
  iterations: 1,
  startTime,
  maxDuration: `${END_S + 30}s`,
});

export const options = {
  scenarios: {
    watchers: all(WATCHERS, "watch", "0s"),
    speakers: all(SPEAKERS, "speak", `${ARRIVAL_S}s`),
  },
  thresholds: Object.assign(thresholds({ connect: 3000 }), {
    iterations: [`count==${WATCHERS + SPEAKERS}`],
    ride_events: [`count>${WATCHERS * RATE * SECONDS * 0.9}`],
  }),
  summaryTrendStats,
};

export function watch() {
  touch();
  new Rider({
    id: `watcher-${__VU}`,
    ride: "/fanout",
    plain: __VU % 2 === 0,
    onJoined: (rider) => rider.after(END_S * 1000 - (Date.now() - exec.scenario.startTime), () => rider.leave()),
  });
}

export function speak() {
  touch();
  new Rider({
    id: `speaker-${__VU}`,
    ride: "/fanout",
    onJoined: (rider) => rider.rides(SECONDS * 1000, (1000 * SPEAKERS) / RATE),
  });
}
