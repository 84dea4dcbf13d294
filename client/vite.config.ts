import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` serves the client alone and asks a running gateway for the rest.
const gateway = process.env.GATEWAY ?? "http://127.0.0.1:3000";

export default defineConfig({
    plugins: [react()],
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
