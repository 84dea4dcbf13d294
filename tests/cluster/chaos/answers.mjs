// What passes between one gateway and Redis on one connection, command by command and answer by answer, so that
// commands can be answered with an error instead of being passed on. An error stands where the answer would have stood.

import { endOfReply } from "../../lib/redis.mjs";

// Whole values out of pieces of bytes; commands are arrays of strings, so they are values, too.
class Values {
  #rest = Buffer.alloc(0);

  *of(bytes) {
    this.#rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes;
    for (let end; (end = endOfReply(this.#rest, 0)) !== null; this.#rest = this.#rest.subarray(end))
      yield this.#rest.subarray(0, end);
  }

  // What is there of one that is not whole.
  take() {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest;
  }
}

const COMMAND = /^\*\d+\r\n\$\d+\r\n([A-Za-z]+)/;

export class Answers {
  #commands = new Values();
  #replies = new Values();
  #owed = []; // per command without an answer yet: null, or the error it gets

  // A connection that subscribes is no longer one answer for each command: it is left alone.
  #subscribes = false;

  // `refusal(name, command)`: the line of the error that a command of this name, and these bytes, gets, or null.
  constructor(refusal) {
    this.refusal = refusal;
  }

  // What of the gateway's bytes goes on to Redis, and what comes back at once.
  asked(bytes) {
    if (this.#subscribes) return { on: bytes, back: Buffer.alloc(0) };
    const on = [];
    for (const value of this.#commands.of(bytes)) {
      const [, name = ""] = value.toString("latin1", 0, 64).match(COMMAND) ?? [];
      if (/subscribe$/i.test(name)) this.#subscribes = true;
      const error = this.#subscribes ? null : this.refusal(name.toUpperCase(), value);
      this.#owed.push(error);
      if (error === null) on.push(value);
    }
    if (this.#subscribes) on.push(this.#commands.take());
    return { on: Buffer.concat(on), back: this.#errorsNow() };
  }

  // What of Redis' bytes goes on to the gateway, with the errors in their places.
  answered(bytes) {
    if (this.#subscribes) return Buffer.concat([this.#replies.take(), bytes]);
    const out = [];
    for (const value of this.#replies.of(bytes)) {
      this.#owed.shift();
      out.push(value, this.#errorsNow());
    }
    return Buffer.concat(out);
  }

  #errorsNow() {
    const errors = [];
    while (this.#owed.length > 0 && this.#owed[0] !== null) errors.push(Buffer.from(`-${this.#owed.shift()}\r\n`));
    return Buffer.concat(errors);
  }
}
