// The two ways to speak to a gateway: Socket.IO v5 over Engine.IO v4, and plain JSON on /ws. A wire turns what a rider
// wants into texts, and calls the rider with what texts mean. docs/protocol.md has both.

const URL_ = (__ENV.RIDECAST_URL || "http://localhost:8080").replace(/^http/, "ws");

const nsp = (ride) => (ride === "/" ? "" : `${ride},`);
const HEAD = /^4([0-4])(?:(\/[^,]*),)?(\d*)/; // type, namespace, ack

export const SOCKETIO = {
  url: () => `${URL_}/socket.io/?EIO=4&transport=websocket`,

  // `data` undefined: no argument. The answer comes with the same `ack`.
  ask(ride, event, data, ack) {
    const args = data === undefined ? [event] : [event, JSON.stringify(data)];
    return `42${nsp(ride)}${ack}${JSON.stringify(args)}`;
  },

  // Does not wait for Engine.IO's own first packet: k6 drops what comes together with the 101 now and then, as it reads
  // before the socket counts as open.
  opened: (rider) => rider.send(SOCKETIO.connect(rider)),

  read(text, rider) {
    if (text === "2") rider.send("3");
    else if (text[0] === "4") this.readPacket(text, rider);
  },

  // What a rider shows that comes back: who it was, and the last event that it heard.
  connect({ ride, pid, offset }) {
    return `40${nsp(ride)}${pid ? JSON.stringify({ pid, offset }) : ""}`;
  },

  readPacket(text, rider) {
    const [head, type, , ack] = HEAD.exec(text);
    const payload = text.length > head.length ? JSON.parse(text.slice(head.length)) : null;
    if (type === "0") rider.joins(payload.pid);
    else if (type === "2") rider.hears(payload[0], payload[1], payload[2]);
    else if (type === "3") rider.isAnswered(Number(ack), payload[0]);
    else if (type === "4") rider.fails(text);
  },
};

export const PLAIN = {
  url: (ride) => `${URL_}/ws${ride === "/" ? "" : ride}`,

  opened: (rider) => rider.joins(null),

  ask: (_, event, data, ack) => JSON.stringify({ event, data, id: ack }),

  read(text, rider) {
    const { event, data, offset, id } = JSON.parse(text);
    if (id !== undefined) rider.isAnswered(id, data);
    else rider.hears(event, data, offset);
  },
};
