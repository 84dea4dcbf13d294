// All offences, each { name, offence(address, gateway), told, writes }: what is done from an address for a few seconds,
// what the address must be told, and whether it writes to Redis itself.

import answersUnfetched from "./offences/answers-unfetched.mjs";
import asksWithoutEnd from "./offences/asks-without-end.mjs";
import badMessages from "./offences/bad-messages.mjs";
import plantedRecords from "./offences/planted-records.mjs";
import slowLines from "./offences/slow-lines.mjs";
import unreadableRecords from "./offences/unreadable-records.mjs";

export const OFFENCES = [answersUnfetched, asksWithoutEnd, slowLines, badMessages, unreadableRecords, plantedRecords];
