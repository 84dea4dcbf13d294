// nginx with the configuration of deploy/nginx, on a port of its own, in a folder of its own.

import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { onEnd } from "./cleanup.mjs";
import { temporaryFolder } from "./folder.mjs";
import { request } from "./http.mjs";
import { ROOT } from "./places.mjs";
import { freePort } from "./port.mjs";
import { Program } from "./process.mjs";
import { until } from "./wait.mjs";

const DEPLOY = path.join(ROOT, "deploy/nginx");
// Debian puts it where only root looks.
const SEARCH = { PATH: `${process.env.PATH}:/usr/sbin` };

// For tests in which one address does as much as a crowd.
export const UNLIMITED = { "limits.conf": () => "" };

// Where nginx may write without being root.
const TEMP = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
const PLACES = TEMP.map((name) => `${name}_temp_path temp/${name};\n`);

export class Nginx {
  static async start(t, gateways, options = {}) {
    const nginx = new Nginx(temporaryFolder(t, "nginx"));
    onEnd(t, () => nginx.stop());
    await nginx.prepare(gateways, options);
    await nginx.run(t);
    return nginx;
  }

  constructor(folder) {
    this.folder = folder;
    this.enginePath = "/socket.io/";
  }

  // `edit`: { "limits.conf": (text) => text }, what a test wants otherwise in deploy/nginx/site.
  async prepare(gateways, { port, tls = false, edit = {} } = {}) {
    cpSync(DEPLOY, this.folder, { recursive: true });
    chmodSync(this.folder, 0o755); // for workers that are not root
    mkdirSync(path.join(this.folder, "temp"));
    this.port = port ?? (await freePort());
    this.url = `http://127.0.0.1:${this.port}`;
    this.#write("server.conf", `listen 127.0.0.1:${this.port} backlog=4096;\n${PLACES.join("")}`);
    this.#edit("log.conf", (text) => text.replace("/var/log/nginx", this.folder));
    for (const [name, change] of Object.entries(edit)) this.#edit(name, change);
    if (tls) await this.#enableTls();
    this.leadTo(gateways);
  }

  async #enableTls() {
    this.tlsPort = await freePort();
    execFileSync(path.join(this.folder, "certificate.sh"), [path.join(this.folder, "site"), "localhost"]);
    this.certificate = readFileSync(path.join(this.folder, "site/cert.pem"));
    renameSync(path.join(this.folder, "site/tls.conf.off"), path.join(this.folder, "site/tls.conf"));
    this.#edit("tls.conf", (text) => text.replace("listen 8443", `${PLACES.join("")}listen 127.0.0.1:${this.tlsPort}`));
  }

  #write(name, text) {
    writeFileSync(path.join(this.folder, "site", name), text);
  }

  #edit(name, change) {
    this.#write(name, change(readFileSync(path.join(this.folder, "site", name), "utf8")));
  }

  // All it has written down: of itself, and of requests.
  get log() {
    return this.program.stderr + readFileSync(path.join(this.folder, "access.log"), "utf8");
  }

  // Takes effect at the start or with reload().
  leadTo(gateways) {
    const places = gateways.map(({ port }) => `127.0.0.1:${port}`);
    this.#write("gateways.conf", execFileSync(path.join(this.folder, "gateways.sh"), places, { encoding: "utf8" }));
  }

  async run(t) {
    const main = `daemon off; pid ${this.folder}/nginx.pid;`;
    this.program = new Program("nginx", ["-p", this.folder, "-c", `${this.folder}/nginx.conf`, "-g", main], SEARCH);
    await until(
      () => {
        if (this.program.exit) throw new Error(`nginx ended\n${this.program.stderr}`);
        return request(t, this, { path: "/healthz" }).then(({ status }) => status === 200, () => false);
      },
      () => `waiting for nginx\n${this.program.stderr}`,
    );
  }

  // Resolves when new workers serve and the old ones take no more connections; they go on with what they have.
  async reload() {
    const before = this.#workers();
    this.program.child.kill("SIGHUP");
    await until(
      () => before.every(isLeaving) && this.#workers().some((pid) => !before.includes(pid)),
      () => `waiting for new workers\n${this.program.stderr}`,
    );
  }

  #workers() {
    const { pid } = this.program.child;
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  }

  async stop() {
    if (!this.program.exit) await this.program.stop();
  }
}

// A worker's title says that it closed its listening sockets.
function isLeaving(pid) {
  try {
    return /is shutting down/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
  } catch {
    return true; // has left
  }
}
