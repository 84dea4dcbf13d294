// HTTP requests: one connection each, as the Node client does while polling, or bytes as they are over a TcpClient.

import assert from "node:assert/strict";
import http from "node:http";
import { onEnd } from "./cleanup.mjs";
import { within } from "./wait.mjs";

// Starts a request. `response` settles with the answer; `sent` when the kernel has the whole request.
export function exchange(t, server, { method = "GET", path = "/", headers = {}, body } = {}) {
  const request = http.request({ host: "127.0.0.1", port: server.port, agent: false, method, path, headers });
  const response = new Promise((resolve, reject) => {
    request.on("error", reject);
    request.on("response", (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks).toString() });
      });
    });
  });
  // Whoever awaits it hears of the failure; an exchange left pending on purpose fails when its test ends.
  response.catch(() => {});
  const sent = new Promise((resolve) => request.on("finish", resolve));
  request.end(body);
  onEnd(t, () => request.destroy());
  return { response, sent, abort: () => request.destroy() };
}

export function request(t, server, options) {
  return within(exchange(t, server, options).response, () => `${options.method ?? "GET"} ${options.path}`);
}

// After two round trips of its own the server has read what had been sent to it before.
export async function serverHasRead(t, server) {
  await request(t, server, { path: "/nothing-here" });
  await request(t, server, { path: "/nothing-here" });
}

export const get = (path, headers = "") => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;

export const post = (path, body, headers = "") =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;

// Reads one response from a TcpClient; the head tells where it ends (`hasBody` false: an answer to HEAD).
export async function readResponse(tcp, { hasBody = true } = {}) {
  const [statusLine, ...lines] = (await tcp.readUntil("\r\n\r\n")).toString("latin1").trimEnd().split("\r\n");
  const [, status] = statusLine.match(/^HTTP\/1\.1 (\d{3})/) ?? assert.fail(`not a status line: ${statusLine}`);
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const body = hasBody ? await readBody(tcp, headers) : "";
  return { status: Number(status), statusLine, headers, body };
}

async function readBody(tcp, headers) {
  if (headers["transfer-encoding"] !== "chunked")
    return (await tcp.read(Number(headers["content-length"] ?? 0))).toString();
  let body = "";
  for (;;) {
    const size = parseInt((await tcp.readUntil("\r\n")).toString(), 16);
    body += (await tcp.read(size)).toString();
    await tcp.readUntil("\r\n");
    if (size === 0) return body;
  }
}
