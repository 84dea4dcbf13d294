// The proxy's answers: an error stands in the place of the answer, however the bytes are cut.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Answers } from "./answers.mjs";

const command = (...words) => `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;

const refuseWrites = (name) => (name === "SET" ? "OOM no" : null);

const pieces = (text, size) =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, i) => Buffer.from(text.slice(i * size, (i + 1) * size)));

test("an error stands where the answer would have stood, and what it answers goes nowhere", () => {
  const asked =
    command("GET", "a") + command("SET", "a", "1") + command("SET", "b", "\r\n*1") + command("EVALSHA", "f");
  const replies = "$-1\r\n*3\r\n:1\r\n*1\r\n$2\r\n\r\n\r\n$0\r\n\r\n";
  for (const size of [1, 3, 1000]) {
    const answers = new Answers(refuseWrites);
    const all = pieces(asked, size).map((piece) => answers.asked(piece));
    assert.equal(Buffer.concat(all.map(({ on }) => on)).toString(), command("GET", "a") + command("EVALSHA", "f"));
    assert.equal(Buffer.concat(all.map(({ back }) => back)).length, 0);
    const heard = pieces(replies, size).map((piece) => answers.answered(piece));
    assert.equal(
      Buffer.concat(heard).toString(),
      "$-1\r\n-OOM no\r\n-OOM no\r\n*3\r\n:1\r\n*1\r\n$2\r\n\r\n\r\n$0\r\n\r\n",
      `in pieces of ${size}`,
    );
  }
});

test("where nothing else is owed the error comes at once", () => {
  const { on, back } = new Answers(refuseWrites).asked(Buffer.from(command("SET", "a", "1")));
  assert.equal(on.length, 0);
  assert.equal(back.toString(), "-OOM no\r\n");
});

test("a connection that subscribes is left alone", () => {
  const answers = new Answers(() => "ERR no");
  const asked = command("SUBSCRIBE", "a", "b") + command("SET", "a", "1");
  const [first, second] = [asked.slice(0, 7), asked.slice(7)].map((text) => answers.asked(Buffer.from(text)));
  assert.equal(Buffer.concat([first.on, second.on]).toString(), asked);
  assert.equal(first.back.length + second.back.length, 0);
  assert.equal(answers.answered(Buffer.from("*3\r\n$9\r\nsub")).toString(), "*3\r\n$9\r\nsub");
});
