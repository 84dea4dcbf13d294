// The original ride application on socket.io, without its log lines.
//
//   node socketio.mjs [--redis redis://…]     with Redis: one of several processes, joined by @socket.io/redis-adapter

import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { Server } from "socket.io";

const { values } = parseArgs({ options: { redis: { type: "string" } } });
const http = createServer();
const server = new Server(http, { cors: { origin: "*" } });
if (values.redis) server.adapter(await redisAdapter(values.redis));

const activeUsers = new Map();

server.on("connection", (client) => {
  client.on("message", (payload) => {
    const user = JSON.parse(payload);
    if (user.status === "boarding") {
      activeUsers.set(client.id, user);
      server.emit("userBoarded", user);
    } else if (user.status === "exiting") {
      activeUsers.delete(client.id);
      server.emit("userExited", user);
      client.disconnect(true);
    }
  });
  client.on("disconnect", () => activeUsers.delete(client.id));
});

http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => console.log(`listening on 127.0.0.1:${http.address().port}`));
process.on("SIGTERM", () => process.exit(0));

async function redisAdapter(url) {
  const { createAdapter } = await import("@socket.io/redis-adapter");
  const { createClient } = await import("redis");
  const publisher = createClient({ url });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  return createAdapter(publisher, subscriber);
}
