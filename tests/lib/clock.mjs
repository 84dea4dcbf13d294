// A Redis whose clock can be shifted while it runs (cluster/shifted_clock.c).

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./folder.mjs";
import { built } from "./places.mjs";

export class ShiftedClock {
  constructor(t) {
    this.file = join(temporaryFolder(t, "clock"), "shift");
    this.set(0);
  }

  // So many seconds ahead of the machine's, or behind it.
  set(seconds) {
    const shift = Buffer.alloc(8);
    shift.writeBigInt64LE(BigInt(seconds));
    writeFileSync(this.file, shift, { flag: existsSync(this.file) ? "r+" : "w" });
  }

  // For the server's environment.
  get env() {
    return { LD_PRELOAD: built("tests/cluster/libshifted_clock.so"), SHIFTED_CLOCK: this.file };
  }
}
