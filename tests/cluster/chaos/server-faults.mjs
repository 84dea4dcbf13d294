// What may go wrong with any one server (faults.mjs), be it the only one or one of a Redis Cluster: it forgets,
// loses keys, refuses, and errs. Two are the work of a gateway's proxy; the others are `exclusive`.

import { sleep } from "../../lib/wait.mjs";
import { isReady } from "./cluster.mjs";
import { keysByKind } from "./keys.mjs";

const runs = (node) => node.url !== null && !node.stopped;

const LATE_MS = 500; // what is delayed is there, and who has lost a connection knows it
const CONNECTED_WITHIN_MS = 10_000; // longer than any other fault keeps a gateway from Redis, or still

// Until then the gateways may go on from different pasts, those that stand still as well.
export async function allConnected({ nodes }) {
  await sleep(LATE_MS);
  const end = performance.now() + CONNECTED_WITHIN_MS;
  const running = () => nodes.filter(({ url }) => url !== null);
  const areReady = async () => (await Promise.all(running().map(isReady))).every((ready) => ready);
  while (performance.now() < end && !(await areReady())) await sleep(20);
}

// As Redis words them; those inside scripts as Redis 6.2 does, in which the error is the script's own.
const inScript = (error) =>
  `ERR Error running script (call to f_2b5a6ad4b7c1b0dfbd9a1b6f6d9c0f3c7d1c34a8): @user_script:27: @user_script: 27: ${error}`;
const ERRORS = [
  "OOM command not allowed when used memory > 'maxmemory'.",
  "READONLY You can't write against a read only replica.",
  "LOADING Redis is loading the dataset in memory",
];

// Redis is as it should not be for a while.
export async function meanwhile(ms, begin, end) {
  await begin();
  try {
    await sleep(ms);
  } finally {
    await end();
  }
}

const config = (server, name, value) => server.command("CONFIG", "SET", name, value);

async function mayUse(server, { users }, ...rules) {
  for (const user of users) await server.command("ACL", "SETUSER", user, ...rules);
}

// One of the servers is as it should not be for a while.
async function spoil({ cluster, random }, ms, begin, end) {
  const server = await cluster.aServer(random);
  return meanwhile(
    ms,
    () => begin(server),
    () => end(server),
  );
}

// In front of one gateway, every command, or every script alone, is answered with an error.
export async function answerWith({ way, random }, errors) {
  const scriptsAlone = random.chance(0.5);
  const error = random.pick(errors(scriptsAlone));
  way.answer((command) => (!scriptsAlone || command === "EVALSHA" ? error : null));
  await sleep(random.between(50, 500));
  way.answer(() => null);
}

// Some or all keys of one kind at a server, so that all kinds come with the same chance; `act` is done to each.
async function spoilKeys({ cluster, random, note, wipe }, act) {
  const server = await cluster.aServer(random);
  wipe.rides = await cluster.ridesAt(server);
  await act(server, await keysOfAKind(server, { random, note, wipe }));
  await allConnected(cluster);
}

async function keysOfAKind(server, { random, note, wipe }) {
  const kinds = await keysByKind(server);
  if (kinds.size === 0) return [];
  const kind = random.pick([...kinds.keys()]);
  const keys = kinds.get(kind);
  note(kind);
  wipe.kind = kind;
  return random.chance(0.5) ? keys : [random.pick(keys)];
}

// A name in the same slot, for a moment.
const beside = (key) => (key.includes("{") ? `beside:${key}` : `beside:{${key}}`);

export const SERVER_FAULTS = {
  "older keys": {
    weight: 3,
    exclusive: true,
    wipes: true,
    run: (setting) =>
      spoilKeys(setting, async (server, keys) => {
        for (const key of keys) await server.command("COPY", key, beside(key), "REPLACE");
        await sleep(setting.random.between(50, 2000));
        for (const key of keys) await server.command("RENAME", beside(key), key).catch(() => null); // expired
      }),
  },
  "keys deleted": {
    weight: 5,
    exclusive: true,
    wipes: true,
    run: (setting) =>
      spoilKeys(setting, async (server, keys) => {
        for (const key of keys) await server.command("DEL", key);
      }),
  },
  "keys of another type": {
    weight: 1,
    exclusive: true,
    wipes: true,
    run: (setting) =>
      spoilKeys(setting, async (server, keys) => {
        for (const key of keys) {
          const type = await server.command("TYPE", key);
          await server.command(type === "string" ? "RPUSH" : "SET", beside(key), "x");
          await server.command("RENAME", beside(key), key); // at once: a gateway may be about to write it
        }
      }),
  },
  FLUSHALL: {
    weight: 2,
    exclusive: true,
    wipes: true,
    async run({ cluster, random, wipe }) {
      const server = await cluster.aServer(random);
      wipe.rides = await cluster.ridesAt(server);
      await server.command("FLUSHALL");
      if (wipe.rides) await allConnected(cluster);
    },
  },
  "SCRIPT FLUSH": {
    weight: 2,
    exclusive: true,
    run: async ({ cluster, random }) => (await cluster.aServer(random)).command("SCRIPT", "FLUSH"),
  },
  "CLIENT KILL of all subscribers": {
    weight: 3,
    exclusive: true,
    run: async ({ cluster, random }) => (await cluster.aServer(random)).command("CLIENT", "KILL", "TYPE", "pubsub"),
  },
  "Redis is out of memory": {
    weight: 2,
    exclusive: true,
    run: (setting) =>
      spoil(
        setting,
        setting.random.between(50, 500),
        (server) => config(server, "maxmemory", "1"),
        (server) => config(server, "maxmemory", "0"),
      ),
  },
  "Redis refuses scripts": {
    weight: 2,
    exclusive: true,
    run: (setting) =>
      spoil(
        setting,
        setting.random.between(50, 1500),
        (server) => mayUse(server, setting.cluster, "-evalsha"),
        (server) => mayUse(server, setting.cluster, "+evalsha"),
      ),
  },
  "Redis errs inside scripts": {
    weight: 2,
    exclusive: true,
    run: (setting) => {
      // The first write of a script: nothing has changed.
      const command = setting.random.pick(["@write", "xadd"]);
      return spoil(
        setting,
        setting.random.between(50, 500),
        (server) => mayUse(server, setting.cluster, `-${command}`),
        (server) => mayUse(server, setting.cluster, `+${command}`),
      );
    },
  },
  "a gateway is answered that Redis is not ready": {
    weight: 2,
    fits: runs,
    run: (setting) =>
      answerWith(setting, (scriptsAlone) => ERRORS.map((error) => (scriptsAlone ? inScript(`-${error}`) : error))),
  },
  "a gateway is answered with an unknown error": {
    weight: 2,
    fits: runs,
    run: (setting) =>
      answerWith(setting, (scriptsAlone) => [scriptsAlone ? inScript("nobody knows why") : "ERR nobody knows why"]),
  },
};
