// What compiler and linker were asked for is in the program, as it is built and as it is packaged.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../lib/folder.mjs";
import { filesIn, run } from "../lib/install.mjs";
import { built } from "../lib/places.mjs";

const DYNAMIC = ["readelf", "--wide", "--dynamic"];
const SEGMENTS = ["readelf", "--wide", "--segments"];
const SYMBOLS = ["readelf", "--wide", "--dyn-syms"];
const CODE = ["objdump", "--disassemble", "--no-show-raw-insn"];

const EVERYWHERE = [
  ["a position independent executable", DYNAMIC, /\(FLAGS_1\).* PIE\b/],
  ["relocations that are read-only", SEGMENTS, /^ *GNU_RELRO /m],
  ["all of them, as nothing is bound later", DYNAMIC, /\(FLAGS_1\).* NOW\b/],
  ["a stack that is not executable", SEGMENTS, /^ *GNU_STACK .* RW +0x/m],
  ["the stack protector", SYMBOLS, / __stack_chk_fail@/],
  ["_FORTIFY_SOURCE", SYMBOLS, / __\w+_chk@/],
];
// Only the code tells of these. What every program starts with has a few of the latter.
const X86 = [
  ["-fstack-clash-protection", CODE, /\tsub +\$0x1000,%rsp\n.*\t(?:orq|movq) +\$0x0,\(%rsp\)/],
  ["-fcf-protection", CODE, /\tendbr64/g, 100],
];

async function assertHardened(t, program) {
  const all = process.arch === "x64" ? [...EVERYWHERE, ...X86] : EVERYWHERE;
  for (const [what, [command, ...args], pattern, least = 1] of all) {
    const { stdout } = await run(t, command, [...args, program]);
    assert.ok((stdout.match(pattern)?.length ?? 0) >= least, `${program} lacks ${what}`);
  }
}

test("the program is hardened", (t) => assertHardened(t, built("gateway/ridecast-gateway")));

test("so is the one in the Debian package", async (t) => {
  const folder = temporaryFolder(t, "package");
  await run(t, "cpack", ["--config", built("CPackConfig.cmake"), "-B", folder]);
  const [name, ...more] = (await filesIn(folder)).filter((file) => /^ridecast_.*\.deb$/.test(file));
  assert.deepEqual(more, []);
  const root = path.join(folder, "root");
  await run(t, "dpkg-deb", ["--extract", path.join(folder, name), root]);
  await assertHardened(t, path.join(root, (await filesIn(root)).find((file) => file.endsWith("bin/ridecast-gateway"))));
});
