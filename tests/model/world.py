"""Clients and gateways around one Redis, in a random schedule of steps and faults, and the laws at the end.

A seed decides everything. A plain schedule has no audit: what gateways do by themselves must be enough, and the keys
must agree with each other after every script. Only what a gateway had sent to a ride that had not begun, and what is
done after Redis has lost that gateway as well, is left to audits. One with copies brings back older copies of all that
Redis has. One with keys also deletes, spoils and brings back single keys. In both the audit must mend what that does.
One thing is not asked of it: a client that was recovered between a hand at `users` and the audit that found it may know
somebody more or less than its gateway, because nothing in a position says that `users` fits it.
"""

import random

from gateway import Gateway, Session, perform
from rules import DOUBT, LEASE, ROUND, WINDOW
from store import KEYS, Broken, Store

PERSONS = "ABC"
FAULTS = ("balk", "clock", "cut", "drop", "kill", "refuse", "stall", "wipe", "wreck")
COPIES = FAULTS + ("older", "failover", "failover")
KEYED = FAULTS + ("older", "failover", "older_keys", "older_keys", "delete", "delete", "type")
PROFILES = (FAULTS, FAULTS, COPIES, KEYED)


class Client:
    def __init__(self, world, number):
        self.world, self.number = world, number
        self.id = PERSONS[number % len(PERSONS)]
        self.plain = number == 4  # has no way to come back
        self.gateway = None
        self.want = False
        self.socket = ""
        self.anew()

    def anew(self):
        """Another connection of the same application: nothing is left of the one before."""
        self.aboard, self.boarded, self.again, self.joined = "", False, False, False
        self.socket = ""
        self.view, self.inbox = {}, []
        self.place, self.given, self.doubtful = None, None, False
        self.spared = False
        self.stay = 0  # how often it has come back

    def dropped(self):
        """The connection is lost, with what was on its way to the client."""
        self.check()
        self.gateway, self.joined, self.inbox = None, False, []
        if self.plain:
            self.anew()

    def ended(self):
        self.world.note(f"client {self.number} has exited as {self.id}")
        self.check()
        self.gateway = None
        self.anew()

    def hear(self):
        for kind, id, record, place in self.inbox:
            fold(self.view, kind, id, record)
            self.place = place
        self.inbox = []

    def check(self):
        untouched = self.world.store.untouched
        if self.joined and self.gateway and (untouched or self.world.settled and not self.spared):
            view = dict(self.view)
            for kind, id, record, _ in self.inbox:
                fold(view, kind, id, record)
            if view != self.gateway.roster:
                raise Broken(f"client {self.number} on {self.gateway.name} knows {view}, later snapshot "
                             f"{self.gateway.roster} at {self.gateway.position}")

    # --- the application

    def refused(self):
        """The answer to a boarding or an exit was an error."""
        if self.world.rng.random() < .5:
            self.want = bool(self.aboard)

    def step(self, rng, intends):
        gateway = self.gateway
        if not gateway:
            if rng.random() > .4:
                return
            ready = [g for g in self.world.gateways if g.state == "up" and g.position]
            if ready:
                self.connect(rng.choice(ready))
            return
        if gateway.state != "up":
            if gateway.state == "dead" or rng.random() < .4:
                self.dropped()
            return
        if self.inbox and rng.random() < .6:
            self.hear()
        if not self.joined:
            return
        if intends:
            self.intend(rng)
            if not self.gateway:
                return
        busy = gateway.busy(self.socket)
        if self.want and (self.again or self.aboard != self.id) and not (busy and rng.random() < .9):
            self.again = False
            self.boarded = True
            self.world.records += 1
            record = f"{self.id}{self.world.records}"
            self.world.note(f"client {self.number}: {self.socket} boards as {record} on {gateway.name}")
            gateway.submit("board", self.socket, self.id, record)
        elif not self.want and self.aboard and not busy:
            self.world.note(f"client {self.number}: {self.socket} exits as {self.aboard} on {gateway.name}")
            gateway.submit("exit", self.socket, self.aboard, "bye")

    def intend(self, rng):
        draw = rng.random()
        if draw < .12:
            self.want = True
        elif draw < .16 and self.want:
            self.want = False
            if rng.random() < .3 and self.boarded:
                other = rng.choice(PERSONS)
                self.world.note(f"client {self.number}: {self.socket} exits as {other}, aboard as {self.aboard}")
                self.gateway.submit("exit", self.socket, other, "bye")
        elif draw < .18:
            self.id = rng.choice(PERSONS)
        elif draw < .20:
            self.world.note(f"client {self.number}: {self.socket} leaves for good")
            gateway, socket = self.gateway, self.socket
            gateway.drop(socket, "disconnect")
            self.check()
            self.gateway = None
            self.anew()
            self.want = rng.random() < .3
        elif draw < .25:
            self.world.note(f"client {self.number}: {self.socket} drops from {self.gateway.name}")
            self.dropped()
        elif draw < .26:
            self.world.note(f"client {self.number}: {self.socket} reloads")
            self.dropped()
            self.anew()

    def connect(self, gateway):
        self.gateway = gateway
        if self.socket:
            self.world.note(f"client {self.number}: {self.socket} comes back to {gateway.name}")
            self.stay += 1
            gateway.come_back(self, self.socket)
        else:
            self.join(gateway)

    def join(self, gateway):
        self.world.sockets += 1
        self.socket = f"s{self.world.sockets}"
        self.world.note(f"client {self.number}: {self.socket} joins {gateway.name}")
        gateway.sessions[self.socket] = Session(self, gateway, self.socket)
        self.snapshot(gateway)

    def snapshot(self, gateway):
        self.joined = True
        self.view = dict(gateway.roster)
        self.place = self.given = gateway.position
        self.doubtful = bool(gateway.doubted)
        self.spared = False

    def came_back(self, gateway, record):
        missed = self.missed(gateway)
        if self.boarded and not record and (missed is None or self.has_ended(gateway)):
            del gateway.sessions[self.socket]
            self.anew()
            self.join(gateway)
            return
        self.aboard = record[0] if record else ""
        if missed is None:
            self.again = bool(self.want)
            self.snapshot(gateway)
            return
        self.world.recovered += 1
        self.spared = not self.world.store.untouched
        self.joined = True
        for event in missed:
            kind, id, record = event[4], event[6], event[7]
            if kind == "exited" and id == self.id and not self.aboard:
                self.want = False
            if kind != "ended":
                fold(self.view, "boarded" if kind == "restored" else kind, id, record)
        self.place = gateway.position
        self.check()

    def has_ended(self, gateway):
        """Whether the last that is told of its socket is its end, or may be."""
        events = gateway.history if gateway.remembered(self.given[1] + 1) else self.world.store.log
        for event in reversed(events):
            if event[5] == self.socket:
                return event[4] not in ("boarded", "restored")
        return not events or events[0][0] > self.given[1] + 1

    def missed(self, gateway):
        """The events that lead from what the client has heard to now, if they are to be had."""
        place, at = self.place, gateway.position
        if not place or place[0] != at[0] or place[1] > at[1]:
            return None
        if "doubt" not in self.world.off and (gateway.doubted or self.doubtful or self.given[0] != at[0]):
            return None
        compares = "chain" not in self.world.off
        if place[1] == at[1]:
            return None if compares and place[2] != at[2] else []
        events = gateway.history
        if not gateway.remembered(place[1] + 1):
            store = self.world.store
            if not gateway.linked or not store.meta or store.meta["epoch"] != at[0] or store.wrong:
                return None
            events = store.log
        events = [e for e in events if place[1] < e[0] <= at[1]]
        if not events or events[0][0] != place[1] + 1 or events[-1][0] != at[1]:
            return None
        if compares and (events[0][2] != place[2] or events[-1][1] != at[2]):
            return None
        return events


def fold(view, kind, id, record):
    if kind == "boarded":
        view[id] = record
    else:
        view.pop(id, None)


class World:
    def __init__(self, seed, off=(), faults=None, rounds=None, trace=None):
        self.rng = random.Random(seed)
        self.off = frozenset(off)
        self.trace = trace
        profile = self.rng.choice(PROFILES)
        drawn = self.rng.randint(10, 60)
        self.rounds = drawn if rounds is None else rounds
        self.plain = profile is FAULTS
        self.faults = [f for f in profile if faults is None or f in faults]
        self.often = self.rng.choice((.05, .15, .3))
        self.speed = self.rng.choice((1, 3, 3))  # how many commands Redis takes of a gateway in a round
        self.straying = self.rng.choice((.01, .03, .3))
        self.store = Store(self.off)
        self.store.someone_gone = self.someone_gone
        self.settled = False
        self.refused_until = 0
        self.suffered = set()
        self.names = self.sockets = self.records = self.recovered = self.back = 0
        self.gateways, self.strays, self.copies = [], [], []
        for _ in range(3):
            self.start_gateway()
        self.clients = [Client(self, n) for n in range(5)]

    def note(self, text):
        if self.trace is not None:
            self.trace.append(f"{self.store.now:3} {text}")

    def start_gateway(self):
        self.names += 1
        self.gateways.append(Gateway(f"n{self.names}", self))

    # --- one round

    def play(self):
        while self.store.now < self.rounds:
            self.round(True)
        self.calm()
        rest = 3 * LEASE + 2 * (ROUND + WINDOW) + DOUBT + ROUND + 6 + self.back
        for _ in range(rest):
            self.round(False)
        self.settled = True
        self.judge()

    def round(self, chaos):
        store, rng = self.store, self.rng
        store.now += 1
        if store.now >= self.refused_until:
            store.refusing = False
        actors = [*self.gateways, *self.clients]
        rng.shuffle(actors)
        for actor in actors:
            if isinstance(actor, Client):
                actor.step(rng, chaos)
            else:
                self.run(actor, chaos)
            if self.strays and not store.refusing and rng.random() < self.straying:
                self.arrive()
        if not chaos:
            while self.strays and not store.refusing:
                self.arrive()
        elif rng.random() < self.often and self.faults:
            fault = rng.choice(self.faults)
            self.suffered.add(fault)
            getattr(self, fault)()
        if chaos and not self.plain and rng.random() < .4:
            self.copies = self.copies[-4:] + [store.copy()]

    def run(self, gateway, chaos):
        rng = self.rng
        if gateway.state == "dead":
            return
        if chaos:
            self.do(gateway, rng.randint(0, self.speed))
        else:
            self.do(gateway, 99)
        if gateway.state == "stalled":
            return
        if not gateway.linked:
            if self.store.now >= gateway.silent_until and (not chaos or rng.random() < .4):
                self.note(f"{gateway.name} connects")
                gateway.link()
            return
        turns = rng.randint(0, 6) if chaos else 1000
        while turns and (gateway.replies or gateway.messages):
            turns -= 1
            if gateway.replies and (not gateway.messages or rng.random() < .5):
                gateway.take_reply()
            else:
                gateway.hear()
            if turns % 8 == 7:
                gateway.flush()
                self.do(gateway, 99)
        if not turns and not chaos:
            raise Broken(f"{gateway.name} does not come to rest")
        if gateway.position is None:
            gateway.catch_up()
            return
        gateway.beat()
        gateway.look_after(rng.randint(1, 3) if chaos else 9)
        self.check_keys()
        gateway.check()
        if self.audits() and self.store.now - gateway.audited >= ROUND:
            gateway.audit()
        for socket, session in list(gateway.sessions.items()):
            if not session.client and rng.random() < .5:
                gateway.drop(socket, "disconnect" if session.of.plain else "suspend")
        gateway.flush()
        if not chaos:
            self.do(gateway, 99)

    def audits(self):
        if "audit" in self.off or not self.plain:
            return "audit" not in self.off
        unknown = self.store.beginners - self.store.nodes - {gateway.name for gateway in self.gateways}
        return any(holder in unknown for holder, _, _ in self.store.connections.values())

    def do(self, gateway, calls):
        while calls and gateway.wire:
            calls -= 1
            gateway.execute()
            self.check_keys()

    def arrive(self):
        """What was sent on a connection that is lost by now. Long after that nothing comes any more."""
        sent, name, call = self.strays.pop(0)
        if self.store.now - sent <= WINDOW:
            perform(self.store, name, call)
            self.check_keys()

    def check_keys(self):
        if self.plain:
            self.store.check()

    # --- faults

    def pick(self, state):
        found = [g for g in self.gateways if g.state == state]
        return self.rng.choice(found) if found else None

    def cut(self):
        gateway = self.pick("up")
        if gateway and gateway.linked:
            self.note(f"{gateway.name} loses Redis")
            self.stray(gateway)

    def stray(self, gateway):
        calls = gateway.cut()
        self.strays += calls[:self.rng.randint(0, len(calls))]

    def kill(self):
        gateway = self.pick(self.rng.choice(("up", "up", "stalled")))
        if gateway:
            busy = [g for g in self.gateways if g.wire]
            if busy and self.rng.random() < .5:
                gateway = self.rng.choice(busy)
            self.note(f"{gateway.name} is killed")
            gateway.state = "dead"
            if gateway.linked:
                self.stray(gateway)
            self.gateways.remove(gateway)
            self.start_gateway()
            self.note(f"{self.gateways[-1].name} starts")

    def stall(self):
        stalled = self.pick("stalled")
        gateway = stalled or self.pick("up")
        gateway.state = "up" if stalled else "stalled"
        gateway.well_since = self.store.now
        self.note(f"{gateway.name} is {gateway.state}")

    def refuse(self):
        self.refused_until = self.store.now + self.rng.randint(1, 6)
        self.store.refusing = True
        self.note(f"Redis refuses scripts until {self.refused_until}")

    def busiest(self):
        return max((g for g in self.gateways if g.state == "up"), key=lambda g: (len(g.wire), g.name), default=None)

    def balk(self):
        """What was sent before a connection was lost is refused when it is sent again, and then arrives after all."""
        gateway = self.busiest()
        if gateway and gateway.linked:
            self.note(f"{gateway.name} loses Redis, which refuses it for a while")
            self.strays += gateway.cut()
            self.refused_until = self.store.now + 2
            self.store.refusing = True

    def wreck(self):
        """Redis loses everything, and what a gateway that is dead by then has sent arrives after that."""
        gateway = self.busiest()
        if gateway and gateway.linked:
            self.note(f"{gateway.name} is killed")
            self.strays += gateway.cut()
            gateway.state = "dead"
            self.gateways.remove(gateway)
            self.start_gateway()
            self.note(f"{self.gateways[-1].name} starts, and Redis loses everything")
            self.store.lossless = False
            self.store.wipe()

    def clock(self):
        step = self.rng.choice((-6, -3, 3, 6))
        self.back += max(0, -step)
        self.store.skew += step
        self.store.stepped = self.store.now
        self.note(f"Redis' clock steps by {step}")

    def wipe(self):
        self.note("Redis loses everything")
        self.store.lossless = False
        self.store.wipe()
        if self.rng.random() < .7:
            self.restart()

    def restart(self):
        """All lose their connections, and come back in any order."""
        self.note("and is started anew")
        for gateway in self.gateways:
            if gateway.linked:
                self.stray(gateway)
            gateway.silent_until = self.store.now + self.rng.randint(0, 2)
        self.strays.clear()

    def failover(self):
        """The copy of a moment ago takes over, and one that knows nothing is the first to come."""
        if self.copies:
            self.note("Redis fails over")
            self.bring_back(self.copies[-1])
            self.restart()
            for gateway in self.gateways:
                gateway.silent_until += self.rng.randint(2, 5)
            self.kill()

    def drop(self):
        client = self.rng.choice(self.clients)
        if client.gateway:
            self.note(f"client {client.number} is cut off")
            client.dropped()

    def bring_back(self, copy):
        self.store.lossless = False
        self.note(f"Redis has an older copy: {copy['users']} at {copy['meta']}")
        self.store.bring_back(copy)

    def older(self):
        if self.copies:
            self.bring_back(self.rng.choice(self.copies))
            if self.rng.random() < .7:
                self.restart()

    def hurt(self):
        self.store.untouched = self.store.lossless = False

    def some_keys(self, keys):
        return ["users"] if self.rng.random() < .3 else self.rng.sample(keys, self.rng.choice((1, 1, 2)))

    def older_keys(self):
        if self.copies:
            self.hurt()
            keys = self.some_keys(KEYS)
            copy = self.rng.choice(self.copies)
            self.note(f"older: { {key: copy[key] for key in keys} }")
            self.store.bring_back(copy, keys)

    def delete(self):
        self.hurt()
        keys = self.some_keys(KEYS + ("nodes", "swept"))
        self.note(f"deleted: {keys}")
        for key in keys:
            self.store.delete(key)

    def type(self):
        self.hurt()
        self.store.wrong.add(self.rng.choice(KEYS))
        self.note(f"of another type: {self.store.wrong}")

    def calm(self):
        self.note("calm")
        self.store.refusing = False
        self.refused_until = 0
        for gateway in self.gateways:
            if gateway.state == "stalled":
                gateway.state = "up"
                gateway.well_since = self.store.now

    # --- the laws

    def someone_gone(self, id):
        """Nobody is told as gone whose connection and gateway have been well for long enough."""
        if not self.store.lossless:
            return
        for gateway in self.gateways:
            if gateway.state == "up" and gateway.linked and self.store.now - gateway.well_since > LEASE + WINDOW + 1:
                for socket, session in gateway.sessions.items():
                    client = session.client
                    if client and client.joined and client.aboard == id and not gateway.busy(socket) \
                            and socket not in self.store.put_off:
                        raise Broken(f"{id} is told as gone, and {socket} on {gateway.name} is aboard as {id}")

    def judge(self):
        store = self.store
        for gateway in self.gateways:
            if gateway.roster != store.users:
                raise Broken(f"{gateway.name} has {gateway.roster} at {gateway.position}, Redis {store.users} at "
                             f"{store.position()}")
            if gateway.line or gateway.doubted:
                raise Broken(f"{gateway.name} does not come to rest: {[(o.kind, o.socket) for o in gateway.line]}")
        for client in self.clients:
            client.check()
        aboard = {client.aboard for client in self.clients if client.gateway and client.aboard}
        if aboard != set(store.users):
            raise Broken(f"aboard are {sorted(aboard)}, Redis says {sorted(store.users)}")
        for client in self.clients:
            if client.gateway and client.want and client.aboard != client.id:
                raise Broken(f"client {client.number} wants to be aboard as {client.id}, and is so as {client.aboard}")
        store.check()
