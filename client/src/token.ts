// Where a gateway asks for tokens, a page is opened with one in its address, `/#token=…`: browsers send no fragment to
// any server. It is taken out of the address and kept for this tab.

import { connect, type Options, type Ride } from "./ridecast";
import { keepToken, keptToken } from "./storage";

function takeToken(): void {
    const token = new URLSearchParams(location.hash.slice(1)).get("token");
    if (token === null) return;
    keepToken(token);
    history.replaceState(null, "", location.pathname + location.search);
}

/** Once, before anything connects. A later address with a newer token is for the next connection. */
export function watchToken(): void {
    takeToken();
    addEventListener("hashchange", takeToken);
}

export const connectWithToken = (options: Options): Ride => connect({ ...options, token: keptToken });

/** As whom a token lets its bearer board; null: no token, or one that does not say. */
export function subjectOf(token: string | null): string | null {
    try {
        const claims = (token ?? "").split(".")[1] ?? "";
        const bytes = atob(claims.replace(/-/g, "+").replace(/_/g, "/"));
        const text = new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
        const { sub } = JSON.parse(text) as { sub?: unknown };
        return typeof sub === "string" ? sub : null;
    } catch {
        return null;
    }
}
