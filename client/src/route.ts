import { useSyncExternalStore } from "react";

export type Page = "/" | "/board";

const CHANGED = "ridecast:navigated";

function subscribe(listener: () => void): () => void {
    addEventListener("popstate", listener);
    addEventListener(CHANGED, listener);
    return () => {
        removeEventListener("popstate", listener);
        removeEventListener(CHANGED, listener);
    };
}

const current = (): Page => (location.pathname.replace(/\/$/, "") === "/board" ? "/board" : "/");

export const usePage = (): Page => useSyncExternalStore(subscribe, current);

/** Without loading anything anew: a rider that is aboard stays connected. */
export function goTo(page: Page): void {
    history.pushState(null, "", page);
    dispatchEvent(new Event(CHANGED));
}

/** The rides looked at are kept in the address, to be shared or reloaded. */
export const ridesInAddress = (): string[] => new URLSearchParams(location.search).getAll("ride");

export function rememberRides(rides: readonly string[]): void {
    const url = new URL(location.href);
    url.searchParams.delete("ride");
    for (const ride of rides) url.searchParams.append("ride", ride);
    history.replaceState(null, "", url);
}
