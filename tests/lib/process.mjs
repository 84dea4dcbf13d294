// A program under test: started, watched, and ended with its test.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { onEnd } from "./cleanup.mjs";
import { within } from "./wait.mjs";

// That an allocation was refused is no report: tests ask for it.
const SANITIZER_REPORT =
  /(Address(?!Sanitizer failed to allocate)|Leak|UndefinedBehavior|Thread)Sanitizer|runtime error:/;

const running = new Set();
process.on("exit", () => running.forEach((program) => program.child.kill("SIGKILL")));
// A test run that is interrupted takes its servers along.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1));

// The gateway refuses RIDECAST_ variables it does not know, and the tests have some of their own.
function environment(extra) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("RIDECAST_"));
  return { ...Object.fromEntries(inherited), ...extra };
}

export class Program {
  // `stdin`: "pipe" where the test talks to it.
  constructor(path, args, env = {}, { stdin = "ignore" } = {}) {
    this.name = path.split("/").pop();
    this.stdout = "";
    this.stderr = "";
    this.child = spawn(path, args, { env: environment(env), stdio: [stdin, "pipe", "pipe"] });
    this.child.stdout.setEncoding("utf8").on("data", (text) => (this.stdout += text));
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.stderr += text));
    running.add(this);
    this.exited = new Promise((resolve) => {
      this.child.on("error", (error) => this.#end(resolve, { code: null, signal: null, error }));
      this.child.on("close", (code, signal) => this.#end(resolve, { code, signal }));
    });
  }

  #end(resolve, exit) {
    running.delete(this);
    this.exit = exit;
    resolve(exit);
  }

  // Resolves with the match once stdout has it.
  printed(pattern) {
    const found = new Promise((resolve, reject) => {
      const look = () => {
        const match = this.stdout.match(pattern);
        if (match) resolve(match);
      };
      this.child.stdout.on("data", look);
      this.exited.then(() => {
        look();
        reject(new Error(`ended before ${pattern}: ${this.#told()}`));
      });
    });
    return within(found, () => `waiting for ${pattern}: ${this.#told()}`);
  }

  // However it ends, the sanitizers have nothing to say.
  async kill(signal) {
    if (!this.exit) this.child.kill(signal);
    await within(this.exited, () => `waiting for the exit after ${signal}: ${this.#told()}`);
    assert.doesNotMatch(this.stderr, SANITIZER_REPORT);
  }

  // The ordinary end of every server: exit status 0.
  async stop(signal = "SIGTERM") {
    try {
      await this.kill(signal);
    } catch (error) {
      await this.kill("SIGKILL");
      throw error;
    }
    assert.deepEqual(this.exit, { code: 0, signal: null }, this.#told());
  }

  #told() {
    return `${this.name} ${JSON.stringify(this.exit ?? "running")}\n${this.stdout}${this.stderr}`;
  }
}

export function startProgram(t, path, args, env, options) {
  const program = new Program(path, args, env, options);
  onEnd(t, () => (program.exit ? undefined : program.kill("SIGKILL")));
  return program;
}
