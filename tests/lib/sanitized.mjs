// How memory is judged where a build has sanitizers.

import { readFileSync } from "node:fs";

export const isSanitized = ({ program }) => /lib[al]san/.test(readFileSync(`/proc/${program.child.pid}/maps`, "utf8"));

// Else the sanitizers' allocator keeps what was freed, to find uses of it.
export const FREE_AT_ONCE = {
  ASAN_OPTIONS: "quarantine_size_mb=0:thread_local_quarantine_size_kb=0:allocator_release_to_os_interval_ms=0",
};
