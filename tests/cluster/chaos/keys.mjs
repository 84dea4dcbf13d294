// The kinds of keys that gateways keep in Redis, found by their names, so that each can be taken away or made older.

const OF_A_RIDE = /^ridecast:\{\/.*\}:([a-z]+)/;
const OF_NO_RIDE = /^ridecast:(?:\{\d+\}:)?/; // in a cluster at each server its own
const OF_A_NODE = /^node:[^:]+(:rides)?$/;

// "a ride's users", "a node's lease", "nodes": what a key holds.
export function kindOf(key) {
  const [, part] = key.match(OF_A_RIDE) ?? [];
  if (part) return `a ride's ${part}`;
  const name = key.replace(OF_NO_RIDE, "");
  if (OF_A_NODE.test(name)) return name.endsWith(":rides") ? "a node's rides" : "a node's lease";
  return name;
}

// Key of a ride's position → its number.
export async function offsetsOf(redis) {
  const keys = (await keysByKind(redis)).get("a ride's meta") ?? [];
  const offsets = await Promise.all(keys.map((key) => redis.command("HGET", key, "offset")));
  return new Map(keys.map((key, i) => [key, Number(offsets[i])]));
}

// Kind → keys, of those that are there now.
export async function keysByKind(redis) {
  const kinds = new Map();
  for (const key of (await redis.command("KEYS", "ridecast:*")).sort())
    kinds.set(kindOf(key), [...(kinds.get(kindOf(key)) ?? []), key]);
  return kinds;
}
