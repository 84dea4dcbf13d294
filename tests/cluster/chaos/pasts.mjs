// A position stands for all events before it: whoever has heard the same position has heard the same ones before, as far
// as each was there. So where two fingerprints were heard under one number of an epoch, no event may have followed on
// both; else somebody has gone on from one past to what came after another.
//
// What the gateways compare a fingerprint with is the log. What that does not have is believed: where it was lost
// meanwhile, the two may come together. Pure.

import { readPosition } from "./position.mjs";

const LOG = "a ride's log"; // keys.mjs

// What is wrong with the streams of a history (history.mjs).
export function checkPasts(history) {
  const heard = new Map(); // "ride number epoch" → each time somebody has heard an event there
  for (const stream of history.streams)
    for (const [epoch, places] of placesByEpoch(stream))
      places.forEach(({ number }, at) => append(heard, `${stream.ride} ${number} ${epoch}`, { stream, places, at }));
  const lossesOf = (ride) => history.wipesOf(ride).filter(({ kind }) => kind === LOG);
  return [...heard.values()].filter(isFork).flatMap((times) => meeting(times, lossesOf(times[0].stream.ride)) ?? []);
}

// Epoch → the places of the events that were heard in it, in order. Those of a difference, and all that whoever declines
// recovery hears, have none. What an answer to activeUsers names is not what the next event follows on: whoever is
// recovered goes on behind the last event.
function placesByEpoch({ entries }) {
  const epochs = new Map();
  for (const { event, offset, tick } of entries) {
    const place = event && offset !== undefined ? readPosition(offset) : null;
    if (place?.chain) append(epochs, place.epoch, { ...place, offset, tick });
  }
  return epochs;
}

function append(lists, key, item) {
  if (lists.has(key)) lists.get(key).push(item);
  else lists.set(key, [item]);
}

const isFork = (times) => times.some(({ places, at }) => places[at].chain !== times[0].places[times[0].at].chain);

// The first position that was reached from both.
function meeting(times, losses) {
  const reached = new Map(); // position → from where, and by whom
  for (const { stream, places, at } of times) {
    const from = places[at];
    for (const place of places.slice(at)) {
      if (losses.some((loss) => loss.from < place.tick && from.tick < loss.healed)) break;
      const other = reached.get(place.offset);
      if (!other) reached.set(place.offset, { from, stream });
      else if (other.from.chain !== from.chain)
        return (
          `${stream.who} on ${stream.ride} has heard ${from.offset} before ${place.offset}, ` +
          `and ${other.stream.who} ${other.from.offset}`
        );
    }
  }
  return null;
}
