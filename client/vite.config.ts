import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// `npm run dev` serves the client alone and asks a running gateway for the rest.
const gateway = process.env.GATEWAY ?? "http://127.0.0.1:3000";

// Beside each file what it is with gzip: servers of static files send that and need not compress.
const compressed: Plugin = {
    name: "compressed",
    apply: "build",
    generateBundle: {
        order: "post",
        handler(_, bundle) {
            for (const [fileName, file] of Object.entries(bundle)) {
                const source = gzipSync(file.type === "chunk" ? file.code : file.source, { level: 9 });
                this.emitFile({ type: "asset", fileName: `${fileName}.gz`, source });
            }
        },
    },
};

// What Socket.IO's servers serve at /socket.io/: pages that load the client from there find it. Not the build for
// msgpack, which the gateway does not speak.
const library: Plugin = {
    name: "library",
    apply: "build",
    generateBundle() {
        for (const name of ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js"])
            for (const file of [name, `${name}.map`]) {
                const source = readFileSync(`node_modules/socket.io-client/dist/${file}`);
                this.emitFile({ type: "asset", fileName: `socket.io/${file}`, source });
            }
    },
};

export default defineConfig({
    plugins: [react(), library, compressed],
    server: {
        proxy: {
            "/socket.io": { target: gateway, ws: true },
            "/api": gateway,
            "/metrics": gateway,
            "/healthz": gateway,
            "/readyz": gateway,
        },
    },
});
