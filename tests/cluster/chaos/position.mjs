// A place in a ride's stream of events as it is written: "17.9f3a01bc-k3J_x0aP" is offset, fingerprint of all that came
// before, and epoch; "17-k3J_x0aP" has no fingerprint; "17-" belongs to a difference, which is told without a place.

export function readPosition(text) {
  const [, number, chain = "", epoch] = text.match(/^(\d+)(?:\.([0-9a-f]{8}))?-(.*)$/);
  return { number: Number(number), chain, epoch };
}

export const writePosition = ({ offset, chain, epoch }) => `${offset}${chain ? `.${chain}` : ""}-${epoch}`;
