// As json.test.mjs, with the languages that need a compiler: `make test-clients`.

import { test } from "node:test";
import { COMPILED } from "./readers/readers.mjs";
import { readsAlike } from "./readers/scenario.mjs";

for (const [language, reader] of Object.entries(COMPILED))
  test(`${language} reads what is told as JavaScript does`, (t) => readsAlike(t, reader));
