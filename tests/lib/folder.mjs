// A private folder, for one test.

import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { onEnd } from "./cleanup.mjs";

export function temporaryFolder(t, name) {
  const folder = mkdtempSync(path.join(os.tmpdir(), `ridecast-${name}-`));
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
