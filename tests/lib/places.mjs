// Where things are. RIDECAST_BUILD names the build directory.

import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const BUILD = path.resolve(process.env.RIDECAST_BUILD ?? path.join(ROOT, "build/release"));

// A program there.
export const built = (file) => path.join(BUILD, file);
