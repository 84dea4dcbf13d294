// All offences, each { name, offence(address, gateway), told, writes }: what is done from an address for a few seconds,
// what the address must be told, and whether it writes to Redis itself.

import { sleep } from "../lib/wait.mjs";
import answersUnfetched from "./offences/answers-unfetched.mjs";
import asksWithoutEnd from "./offences/asks-without-end.mjs";
import badMessages from "./offences/bad-messages.mjs";
import badTokens from "./offences/bad-tokens.mjs";
import boardsWithoutEnd from "./offences/boards-without-end.mjs";
import { chosenNames, randomNames } from "./offences/chosen-names.mjs";
import fragments from "./offences/fragments.mjs";
import plantedRecords from "./offences/planted-records.mjs";
import replaysWithoutEnd from "./offences/replays-without-end.mjs";
import ridesWithoutEnd from "./offences/rides-without-end.mjs";
import slowLines from "./offences/slow-lines.mjs";
import unreadableRecords from "./offences/unreadable-records.mjs";
import { OFFENCE_MS } from "./pace.mjs";

// To compare.
export const NOTHING = { name: "(nothing)", told: /^$/, offence: () => sleep(OFFENCE_MS) };

export const OFFENCES = [
  chosenNames,
  randomNames,
  ridesWithoutEnd,
  answersUnfetched,
  asksWithoutEnd,
  replaysWithoutEnd,
  slowLines,
  fragments,
  boardsWithoutEnd,
  badMessages,
  badTokens,
  unreadableRecords,
  plantedRecords,
];
