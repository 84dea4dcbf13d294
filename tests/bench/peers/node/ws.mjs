// The application's broadcast on plain npm ws: every event is written once and sent to every client.

import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const http = createServer();
const server = new WebSocketServer({ server: http, path: "/ws" });

server.on("connection", (client) => {
  client.on("message", (text) => {
    const { event, data } = JSON.parse(text);
    if (event !== "message" || data.status !== "boarding") return;
    const told = JSON.stringify({ event: "userBoarded", data });
    for (const other of server.clients) other.send(told);
  });
});

http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => console.log(`listening on 127.0.0.1:${http.address().port}`));
process.on("SIGTERM", () => process.exit(0));
