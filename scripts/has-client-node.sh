#!/usr/bin/env bash
# Succeeds where Node.js and npm are recent enough to build the web client and to test it in a browser.
command -v npm >/dev/null && node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22 ? 0 : 1)' 2>/dev/null
