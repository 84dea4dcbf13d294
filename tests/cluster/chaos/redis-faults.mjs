// What goes wrong with Redis itself (faults.mjs): it forgets, comes back with older data, refuses, errs, and its clock
// steps. Two are the work of a gateway's proxy; the others are `exclusive`.

import { sleep } from "../../lib/wait.mjs";
import { isReady } from "./cluster.mjs";
import { keysByKind, offsetsOf } from "./keys.mjs";

const HOUR_S = 3600;

const runs = (node) => node.url !== null && !node.stopped;

const LATE_MS = 500; // what is delayed is there, and who has lost a connection knows it
const CONNECTED_WITHIN_MS = 10_000; // longer than any other fault keeps a gateway from Redis, or still

// Until then the gateways may go on from different pasts, those that stand still as well.
async function allConnected({ nodes }) {
  await sleep(LATE_MS);
  const end = performance.now() + CONNECTED_WITHIN_MS;
  const running = () => nodes.filter(({ url }) => url !== null);
  const areReady = async () => (await Promise.all(running().map(isReady))).every((ready) => ready);
  while (performance.now() < end && !(await areReady())) await sleep(20);
}

const PASSED_WITHIN_MS = 4000; // unless people have stopped

// On each ride more has happened than had by then: only the fingerprint tells whoever was there that it was other things.
async function passed({ redis }, offsets) {
  const end = performance.now() + PASSED_WITHIN_MS;
  const hasPassed = async () => {
    const now = await offsetsOf(redis);
    return [...offsets].every(([key, offset]) => now.get(key) > offset);
  };
  while (!(await hasPassed())) {
    if (performance.now() > end) return false;
    await sleep(20);
  }
  return true;
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
async function meanwhile(ms, begin, end) {
  await begin();
  try {
    await sleep(ms);
  } finally {
    await end();
  }
}

const config = ({ redis }, name, value) => redis.command("CONFIG", "SET", name, value);
const mayUse = ({ redis }, ...rules) => redis.command("ACL", "SETUSER", "default", ...rules);

// Some or all keys of one kind, so that all kinds come with the same chance.
async function keysOfAKind({ cluster, random, note, wipe }) {
  const kinds = await keysByKind(cluster.redis);
  if (kinds.size === 0) return [];
  const kind = random.pick([...kinds.keys()]);
  const keys = kinds.get(kind);
  note(kind);
  wipe.kind = kind;
  return random.chance(0.5) ? keys : [random.pick(keys)];
}

// In front of one gateway, every command, or every script alone, is answered with an error.
async function answerWith({ node, random }, errors) {
  const scriptsAlone = random.chance(0.5);
  const error = random.pick(errors(scriptsAlone));
  node.proxy.answer((command) => (!scriptsAlone || command === "EVALSHA" ? error : null));
  await sleep(random.between(50, 500));
  node.proxy.answer(() => null);
}

export const REDIS_FAULTS = {
  "kill Redis, which keeps its data": {
    weight: 2,
    exclusive: true,
    async run({ cluster, random }) {
      await cluster.killRedis({ data: "kept" });
      await sleep(random.between(0, 1500));
      await cluster.redis.run();
    },
  },
  "kill Redis, which loses its data": {
    weight: 2,
    exclusive: true,
    wipes: true,
    async run({ cluster, random }) {
      await cluster.killRedis({ data: "lost" });
      await sleep(random.between(0, 1500));
      await cluster.redis.run();
    },
  },
  "an older copy of Redis": {
    weight: 3,
    exclusive: true,
    wipes: true,
    async run({ cluster, random }) {
      const copy = await cluster.copyData();
      await sleep(random.between(50, 3000));
      await cluster.killRedis({ data: copy });
      await sleep(random.between(0, 500));
      await cluster.redis.run();
      await allConnected(cluster);
    },
  },
  // The others come to it when its numbers have passed theirs.
  "an older copy of Redis, met first by a gateway that knows nothing": {
    weight: 2,
    exclusive: true,
    wipes: true,
    fits: (node) => node.url !== null,
    async run({ cluster, random, node, note }) {
      note(node.name);
      const others = cluster.nodes.filter((other) => other !== node);
      const copy = await cluster.copyData();
      await sleep(random.between(20, 200));
      for (const { proxy } of others) proxy.refuse();
      const offsets = await offsetsOf(cluster.redis);
      await cluster.kill(node);
      await cluster.killRedis({ data: copy });
      await cluster.redis.run();
      await cluster.run(node);
      if (!(await passed(cluster, offsets))) note("too little has happened");
      for (const { proxy } of others) proxy.pass();
      await allConnected(cluster);
    },
  },
  "a lagging replica takes Redis' place": {
    weight: 3,
    exclusive: true,
    wipes: true,
    async run({ cluster, random }) {
      const replica = await cluster.detachedReplica();
      await sleep(random.between(50, 2000));
      await cluster.promote(replica);
      await allConnected(cluster);
    },
  },
  "older keys": {
    weight: 3,
    exclusive: true,
    wipes: true,
    async run(setting) {
      const { cluster, random } = setting;
      const keys = await keysOfAKind(setting);
      for (const key of keys) await cluster.redis.command("COPY", key, `older:${key}`, "REPLACE");
      await sleep(random.between(50, 2000));
      for (const key of keys) await cluster.redis.command("RENAME", `older:${key}`, key).catch(() => null); // expired
      await allConnected(cluster);
    },
  },
  "keys deleted": {
    weight: 5,
    exclusive: true,
    wipes: true,
    async run(setting) {
      const keys = await keysOfAKind(setting);
      if (keys.length > 0) await setting.cluster.redis.command("DEL", ...keys);
      await allConnected(setting.cluster);
    },
  },
  "keys of another type": {
    weight: 1,
    exclusive: true,
    wipes: true,
    async run(setting) {
      const { cluster } = setting;
      for (const key of await keysOfAKind(setting)) {
        const type = await cluster.redis.command("TYPE", key);
        await cluster.redis.command(type === "string" ? "RPUSH" : "SET", "spoiled", "x");
        await cluster.redis.command("RENAME", "spoiled", key); // at once: a gateway may be about to write it
      }
      await allConnected(cluster);
    },
  },
  FLUSHALL: {
    weight: 2,
    exclusive: true,
    wipes: true,
    run: ({ cluster }) => cluster.redis.command("FLUSHALL"),
  },
  "SCRIPT FLUSH": {
    weight: 2,
    exclusive: true,
    run: ({ cluster }) => cluster.redis.command("SCRIPT", "FLUSH"),
  },
  "CLIENT KILL of all subscribers": {
    weight: 3,
    exclusive: true,
    run: ({ cluster }) => cluster.redis.command("CLIENT", "KILL", "TYPE", "pubsub"),
  },
  "Redis is out of memory": {
    weight: 2,
    exclusive: true,
    run: ({ cluster, random }) =>
      meanwhile(
        random.between(50, 500),
        () => config(cluster, "maxmemory", "1"),
        () => config(cluster, "maxmemory", "0"),
      ),
  },
  "Redis is read-only": {
    weight: 2,
    exclusive: true,
    run: ({ cluster, random }) =>
      meanwhile(
        random.between(50, 500),
        () => cluster.redis.command("REPLICAOF", "127.0.0.1", "1"),
        () => cluster.redis.command("REPLICAOF", "NO", "ONE"),
      ),
  },
  "Redis refuses scripts": {
    weight: 2,
    exclusive: true,
    run: ({ cluster, random }) =>
      meanwhile(
        random.between(50, 1500),
        () => mayUse(cluster, "-evalsha"),
        () => mayUse(cluster, "+evalsha"),
      ),
  },
  "Redis errs inside scripts": {
    weight: 2,
    exclusive: true,
    run: ({ cluster, random }) => {
      // The first write of a script: nothing has changed.
      const command = random.pick(["@write", "xadd"]);
      return meanwhile(
        random.between(50, 500),
        () => mayUse(cluster, `-${command}`),
        () => mayUse(cluster, `+${command}`),
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
  "Redis' clock steps": {
    weight: 2,
    exclusive: true,
    run: ({ cluster, random }) => {
      const seconds = Math.round(HOUR_S * random.next() ** 2) * random.pick([-1, 1]);
      return meanwhile(
        random.between(50, 3000),
        () => cluster.clock.set(seconds),
        () => cluster.clock.set(0),
      );
    },
  },
};
