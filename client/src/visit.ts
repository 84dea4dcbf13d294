// The one session of this page. It is no component's: going to the live board and back leaves its rider aboard.

import { rideName } from "./rideName";
import { Session } from "./ride/session";
import { leaveVoyage, loadIdentity, takeVoyage } from "./storage";

export const identity = loadIdentity();
export const session = new Session(identity);

let begun = false;

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
