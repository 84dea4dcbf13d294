// A connection's state in plain words.

import type { Translate } from "./i18n";
import type { Connection } from "./ridecast";

export type Tone = "wait" | "good" | "bad";

const REASONS = {
    "transport close": "whyClosed",
    "transport error": "whyClosed",
    "forced close": "whyClosed",
    "ping timeout": "whySilent",
    "websocket error": "whyUnreachable",
    "xhr poll error": "whyUnreachable",
    timeout: "whyUnreachable",
    "Invalid namespace": "whyInvalidRide",
    "Too many namespaces": "whyTooMany",
    "a token is needed": "whyNoToken",
    "the token has expired": "whyTokenExpired",
    "the token does not allow this ride": "whyTokenRide",
} as const;

// What has no words here is told in the gateway's own.
function reason(why: string, t: Translate): string {
    return Object.hasOwn(REASONS, why) ? t(REASONS[why as keyof typeof REASONS]) : why;
}

export function connectionWords(
    connection: Connection,
    t: Translate,
    online = true,
): { tone: Tone; text: string } {
    switch (connection.state) {
        case "connecting":
            return { tone: "wait", text: t("connecting") };
        case "live":
            return { tone: "good", text: t(connection.recovered ? "recovered" : "live") };
        case "reconnecting":
            return {
                tone: "wait",
                text: t("reconnecting", { why: online ? reason(connection.why, t) : t("whyOffline") }),
            };
        case "refused":
            return { tone: "bad", text: t("refusedConnection", { why: reason(connection.why, t) }) };
        case "ended":
            return { tone: "bad", text: t("ended") };
    }
}
