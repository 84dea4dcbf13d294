// What outlives a page: who the rider is (for good), and which connection and token it had (for the next page in this
// tab).
// A browser may refuse storage altogether; then the page works, and forgets.

import type { Former } from "./ridecast";

export interface Identity {
    id: string;
    name: string;
}

export interface Voyage {
    ride: string;
    aboard: boolean;
    former: Former;
}

const IDENTITY = "ridecast.rider";
const VOYAGE = "ridecast.voyage";
const TOKEN = "ridecast.token";

function read(storage: () => Storage, key: string): unknown {
    try {
        return JSON.parse(storage().getItem(key) ?? "null");
    } catch {
        return null;
    }
}

function write(storage: () => Storage, key: string, value: unknown): void {
    try {
        if (value === null) storage().removeItem(key);
        else storage().setItem(key, JSON.stringify(value));
    } catch {
        // Refused or full: as said above.
    }
}

const lasting = () => localStorage;
const ofThisTab = () => sessionStorage;

// crypto.randomUUID() is missing on pages that come over plain http.
function newId(): string {
    return Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) =>
        b.toString(16).padStart(2, "0"),
    ).join("");
}

export function loadIdentity(): Identity {
    const kept = read(lasting, IDENTITY) as Partial<Identity> | null;
    if (typeof kept?.id === "string" && typeof kept.name === "string")
        return { id: kept.id, name: kept.name };
    const made = { id: newId(), name: "" };
    saveIdentity(made);
    return made;
}

export const saveIdentity = (identity: Identity) => write(lasting, IDENTITY, identity);

// Taken, not read: a duplicate of this tab gets a copy of its storage, and two pages must not be one client.
export function takeVoyage(): Voyage | null {
    const voyage = read(ofThisTab, VOYAGE) as Voyage | null;
    write(ofThisTab, VOYAGE, null);
    return voyage;
}

export const leaveVoyage = (voyage: Voyage | null) => write(ofThisTab, VOYAGE, voyage);

export function keptToken(): string | null {
    const token = read(ofThisTab, TOKEN);
    return typeof token === "string" ? token : null;
}

export const keepToken = (token: string) => write(ofThisTab, TOKEN, token);

export const loadPreference = (name: string) => read(lasting, `ridecast.${name}`);
export const savePreference = (name: string, value: string) => write(lasting, `ridecast.${name}`, value);
