// The one session of this page. It is no component's: going to the live board and back leaves its rider aboard.

import { rideName } from "./rideName";
import { Session } from "./ride/session";
import { keptToken, leaveVoyage, loadIdentity, saveIdentity, takeVoyage } from "./storage";
import { connectWithToken, subjectOf, watchToken } from "./token";

watchToken();

const own = loadIdentity();
// Whoever has a token may board as its subject alone.
export const identity = { ...own, id: subjectOf(keptToken()) ?? own.id };
export const session = new Session(identity, connectWithToken);

let begun = false;

export function rename(name: string): void {
    identity.name = own.name = name;
    saveIdentity(own);
}

// Called by the ride's page; the live board alone needs no session.
export function beginVisit(): void {
    if (begun) return;
    begun = true;
    const voyage = takeVoyage();
    const asked = new URLSearchParams(location.search).get("ride");
    session.join((asked === null ? voyage?.ride : rideName(asked)) ?? "/", voyage);
    addEventListener("pagehide", () => leaveVoyage(session.voyage()));
    addEventListener("pageshow", ({ persisted }) => {
        if (persisted) leaveVoyage(null);
    });
    addEventListener("offline", () => session.offline());
}
