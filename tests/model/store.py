"""One Redis with one ride in it: keys, scripts as atomic functions, and what a human or a failover does to them.

A position is (epoch, offset, chain). Connections are socket -> (node, tenure, id): node `-` where nobody holds it, an
empty id where the person's exit elsewhere has put it off.
"""

import hashlib

from rules import CONNECTIONS, FIRST, KEPT, LEASE, LOG, START, WINDOW

KEYS = ("users", "connections", "lists", "away", "meta", "log")


class Broken(Exception):
    """A law does not hold."""


def fingerprint(chain, operation, kind, socket):
    return hashlib.sha1(f"{chain} {operation} {kind} {socket}".encode()).hexdigest()[:8]


class Store:
    def __init__(self, off):
        self.off = off
        self.now = 0  # true time
        self.skew = 0  # of Redis' clock
        self.stepped = -1  # when it did so last
        self.epochs = 0
        self.told = {}  # position -> the event that has it, over all histories
        self.put_off = set()  # sockets whose person has exited elsewhere, as who sees everything knows
        self.had = {}  # socket -> who of the gateways that its client has been at -> since when; the latest is last
        self.over = {}  # socket -> the last of these that it has ended by, and since when that had it
        self.subscribers = {}  # node -> list of messages
        self.refusing = False
        self.untouched = True  # no single key was ever hurt
        self.lossless = True  # nothing was ever taken away
        self.beginners = set()  # nodes of which something was done after a loss, sent to a ride that had not begun
        self.rosters = {(FIRST, 0, START): {}}  # position -> who was aboard
        self.operations = set()  # what was told of transitions
        self.someone_gone = lambda id: None  # hears of everybody who is told as gone
        self.nodes, self.leases = set(), {}
        self.wipe()

    # --- what hurts it

    def wipe(self):
        self.users, self.connections, self.lists, self.away, self.log = {}, {}, {}, {}, []
        self.meta = None
        self.wrong = set()  # keys of a type that is not theirs
        self.nodes.clear()
        self.leases.clear()
        self.swept = False  # whether the ride is noted as one with suspended riders

    def copy(self):
        meta = self.meta and {**self.meta, "done": dict(self.meta["done"])}
        lists = {id: list(sockets) for id, sockets in self.lists.items()}
        return {"users": dict(self.users), "connections": dict(self.connections), "lists": lists,
                "away": dict(self.away), "meta": meta, "log": list(self.log)}

    def bring_back(self, copy, keys=KEYS):
        for key in keys:
            value = copy[key]
            if key == "meta":
                value = value and {**value, "done": dict(value["done"])}
            elif key == "lists":
                value = {id: list(sockets) for id, sockets in value.items()}
            else:
                value = type(value)(value)
            setattr(self, key, value)
        self.wrong.difference_update(keys)

    def delete(self, key):
        if key == "nodes":
            self.nodes.clear()
        elif key == "swept":
            self.swept = False
        else:
            setattr(self, key, None if key == "meta" else [] if key == "log" else {})
            self.wrong.discard(key)

    # --- clocks and leases

    def clock(self):
        return self.now + self.skew

    def clock_after(self, moment):
        return self.clock() if "tenure" in self.off else max(self.clock(), moment + 1)

    def lives(self, node):
        return self.leases.get(node, -1) > self.clock()

    def renew(self, node):
        """Whether the lease was still there."""
        kept = self.lives(node) and node in self.nodes
        self.nodes.add(node)
        self.leases[node] = self.clock() + LEASE
        return kept

    # --- a ride's stream

    def position(self):
        meta = self.meta
        return (meta["epoch"], meta["offset"], meta["chain"]) if meta else (FIRST, 0, START)

    def leads_on(self, known):
        """Whether what is here is whole, and the history that the caller knows."""
        meta, log = self.meta, self.log
        if not meta or log and (log[-1][0] != meta["offset"] or log[-1][1] != meta["chain"]):
            return False
        if not known or known[0] != meta["epoch"]:
            return True
        if known[1] > meta["offset"]:
            return False
        if "chain" in self.off:
            return True
        if known[1] == meta["offset"]:
            return known[2] == meta["chain"]
        entry, following = self.entry(known[1]), self.entry(known[1] + 1)
        if entry:
            return entry[1] == known[2]
        return not following or following[2] == known[2]  # where the log does not reach, the caller reads the roster

    def entry(self, offset):
        first = self.log[0][0] if self.log else 0
        return self.log[offset - first] if self.log and 0 <= offset - first < len(self.log) else None

    def begin(self, epoch=None):
        if epoch is None:
            if self.lossless:
                raise Broken("a new epoch begins though nothing was lost")
            self.epochs += 1
            epoch = self.epochs
        done = self.meta["done"] if self.meta else {}
        self.log = []
        self.meta = {"epoch": epoch, "offset": 0, "chain": START, "began": len(self.users), "done": done}
        self.rosters[self.position()] = dict(self.users)

    def place(self, known):
        if not self.meta and not self.users and known in (None, (FIRST, 0, START)):
            return  # nothing ever happened, as far as anybody knows
        over = self.meta and self.meta["epoch"] == FIRST and known and known[0] != FIRST and "left" not in self.off
        if over or not self.leads_on(known):
            self.begin()

    def tell(self, operation, kind, socket, id="", record=""):
        meta = self.meta
        before = meta["chain"]
        meta["offset"] += 1
        if "fingerprint" not in self.off:
            meta["chain"] = fingerprint(before, operation, kind, socket)
        event = (meta["offset"], meta["chain"], before, operation, kind, socket, id, record)
        position = self.position()
        if self.told.setdefault(position, event[3:]) != event[3:]:
            raise Broken(f"two events at {position}: {self.told[position]} and {event[3:]}")
        self.rosters[position] = dict(self.users)
        if operation != "sweep" and self.lossless:
            if (operation, kind) in self.operations:
                raise Broken(f"{operation} is told twice as {kind}")
            self.operations.add((operation, kind))
        if kind == "disconnected":
            self.someone_gone(id)
        self.log.append(event)
        if len(self.log) > LOG:
            del self.log[0]
        for messages in self.subscribers.values():
            messages.append(("event", meta["epoch"], event))

    # --- what scripts share

    def unlist(self, socket, id):
        """Takes a connection off its person. Whether that was the last one."""
        sockets = self.lists.get(id)
        if sockets and socket in sockets:
            sockets.remove(socket)
        if not sockets or "phone" in self.off:
            self.lists.pop(id, None)
            return True
        return False

    def enlist(self, socket, id):
        sockets = self.lists.setdefault(id, [])
        if socket not in sockets:
            sockets.append(socket)

    def end(self, operation, socket):
        """A connection ends for good."""
        id = self.connections.pop(socket, ("-", 0, ""))[2]
        self.away.pop(socket, None)
        if not id:
            self.put_off.discard(socket)
            return
        last = self.unlist(socket, id)
        if id not in self.users:
            return
        if last:
            self.tell(operation, "disconnected", socket, id, self.users.pop(id))
        else:
            self.tell(operation, "ended", socket)

    def leave_former(self, operation, socket, id):
        """The connection is about to be another person's: the former one leaves if it was the last."""
        former = self.connections.get(socket, ("-", 0, ""))[2]
        if former and former != id and self.unlist(socket, former) and former in self.users:
            self.tell(operation, "disconnected", socket, former, self.users.pop(former))

    def hold(self, socket, node, tenure, id):
        holder = self.connections.get(socket)
        if holder and holder[0] not in (node, "-"):
            self.subscribers.get(holder[0], []).append(("taken", socket, tenure))
        self.connections[socket] = (node, tenure, id)
        self.enlist(socket, id)
        self.away.pop(socket, None)

    # --- transitions

    def transition(self, node, op, before, known):
        """Answers (what, position, tenure, detail)."""
        if self.refusing or self.wrong:
            return ("error",)
        self.place(known)
        if not self.meta:
            self.begin(FIRST)
        meta = self.meta
        position = self.position()
        if known[0] != meta["epoch"] and "moved" not in self.off:
            return ("moved", position)
        if known == (FIRST, 0, START) and not self.lossless:
            self.beginners.add(node)
        last = meta["done"].get(node, 0)
        if before > last and "order" not in self.off:
            return ("early", position)
        repeated = op.sequence <= last and "once" not in self.off
        connection = self.connections.get(op.socket)
        holder, since, id = connection or (None, 0, "")
        mine = holder == node
        stale = connection and not mine and (since > op.tenure if holder == "-" else since >= op.tenure)
        if "stale" in self.off or holder == "-" and not id and (repeated or "nobodys" in self.off):
            stale = False
        answer = getattr(self, op.kind)(node, op, f"{node}-{op.sequence}", repeated, mine, stale, holder, since, id)
        what, tenure, detail = answer
        if not repeated and (what not in ("refused", "many") or "refusals" in self.off):
            meta["done"][node] = op.sequence
        return (what, self.position(), tenure, detail)

    def was_told(self, operation):
        return any(entry[3] == operation for entry in self.log)

    def board(self, node, op, operation, repeated, mine, stale, holder, since, id):
        if repeated:
            if stale and not self.was_told(operation):
                return ("refused", 0, "")
            return ("ok", since if mine or holder == "-" and id else 0, "")
        if stale:
            return ("refused", 0, "")
        self.check_late(op)
        sockets = self.lists.get(op.id, [])
        if op.socket not in sockets and len(sockets) >= CONNECTIONS:
            suspended = [s for s in sockets if self.connections.get(s, ("-",))[0] == "-"]
            if not suspended:
                return ("many", 0, "")
            first = min(suspended, key=lambda s: (self.away.get(s, 0), s))
            self.connections.setdefault(first, ("-", 0, op.id))
            self.end(operation + "/way", first)
        self.leave_former(operation + "/former", op.socket, op.id)
        tenure = since if mine and id else self.clock_after(max(since, op.tenure))
        self.users[op.id] = op.record
        self.hold(op.socket, node, tenure, op.id)
        if tenure != since:
            self.obtain(op)
        self.put_off.discard(op.socket)
        self.tell(operation, "boarded", op.socket, op.id, op.record)
        return ("ok", tenure, "")

    def exit(self, node, op, operation, repeated, mine, stale, holder, since, id):
        if repeated:
            if stale and not self.was_told(operation):
                return ("refused", 0, "")
            return ("ok", 0, "")
        if stale:
            return ("refused", 0, "")
        self.leave_former(operation + "/former", op.socket, op.id)
        self.connections.pop(op.socket, None)
        self.away.pop(op.socket, None)
        self.put_off.discard(op.socket)
        for other in self.lists.pop(op.id, []):
            other_holder, other_since, other_id = self.connections.get(other, ("", 0, ""))
            if other_id == op.id:
                self.connections[other] = (other_holder, other_since, "")
                self.put_off.add(other)
                self.ends_by(other, [*self.had.get(other, {0: 0})][-1])
        self.keep(op, since)
        self.users.pop(op.id, None)
        self.tell(operation, "exited", op.socket, op.id, op.record)
        return ("ok", 0, "")

    def disconnect(self, node, op, operation, repeated, mine, stale, holder, since, id):
        if not repeated and mine:
            self.end(operation, op.socket)
            self.put_off.discard(op.socket)
            self.keep(op, since)
        return ("ok", 0, "")

    def keep(self, op, since):
        """The socket has ended. Where its client came back, other gateways may be late with what it said there."""
        self.ends_by(op.socket, op.stay)
        if op.returned and "ended" not in self.off:
            self.connections[op.socket] = ("-", max(since, op.tenure), "")
            self.put_away(op.socket)

    def obtain(self, op):
        had = self.had.setdefault(op.socket, {})
        had.pop(op.stay, None)
        had[op.stay] = self.now

    def ends_by(self, socket, stay):
        """By what its client said then, though it may be elsewhere by now and not aboard."""
        self.over[socket] = max(self.over.get(socket, (0, 0)), (stay, self.had.get(socket, {}).get(stay, 0)))

    def check_late(self, op):
        """What a client said before it went on to another gateway does not count when it has ended there."""
        stay, obtained = self.over.get(op.socket, (0, 0))
        if op.stay < stay and self.lossless and obtained > self.stepped and self.now < obtained + KEPT:
            raise Broken(f"{op.socket} is aboard by what it said before it ended elsewhere")

    def suspend(self, node, op, operation, repeated, mine, stale, holder, since, id):
        if not repeated and mine:
            if id or "ended" not in self.off:
                self.connections[op.socket] = ("-", since, id)
                self.put_away(op.socket)
            else:
                del self.connections[op.socket]
                self.put_off.discard(op.socket)
        return ("ok", 0, "")

    def put_away(self, socket):
        self.away[socket] = self.clock() + WINDOW
        self.swept = True

    def resume(self, node, op, operation, repeated, mine, stale, holder, since, id):
        if repeated:
            return ("refused", 0, "") if holder and not mine else ("ok", since, (id, self.users.get(id)) if id else "")
        tenure = since if mine and not id else self.clock_after(since)
        self.obtain(op)
        if not id or id not in self.users:
            if holder and not id and not mine:
                self.connections[op.socket] = ("-", tenure, "")
                self.put_away(op.socket)
            return ("ok", tenure, "")
        self.hold(op.socket, node, tenure, id)
        return ("ok", tenure, (id, self.users[id]))

    def restore(self, node, op, operation, repeated, mine, stale, holder, since, id):
        if stale:
            return ("refused", 0, "")
        if holder and not id and "putoff" not in self.off:
            return ("off", 0, "")
        tenure = op.tenure or self.clock_after(since)
        if repeated:
            return ("ok", since if mine else tenure, "")
        if op.socket in self.put_off and self.lossless:
            raise Broken(f"{op.socket} was put off by an exit and is put back")
        self.check_late(op)
        self.leave_former(operation + "/former", op.socket, op.id)
        self.hold(op.socket, node, tenure, op.id)
        aboard = self.users.get(op.id)
        if aboard is None or aboard != op.record and op.heard == self.position():
            self.users[op.id] = op.record
            self.tell(operation, "restored", op.socket, op.id, op.record)
        return ("ok", tenure, "")

    # --- what gateways do for others

    def roster(self, known, latest, left):
        """Answers (what, position, events or users): what follows `known`. `latest` is the latest that the caller was
        told; in one of the epochs that it has `left` this is an older copy."""
        if self.refusing or self.wrong:
            return ("error",)
        self.place(latest)
        epoch = self.position()[0]
        if known and (epoch in left if epoch != known[0] else self.meta and not self.leads_on(known)):
            self.begin()
        position = self.position()
        epoch, offset, _ = position
        if known and known[0] == epoch:
            if known[1] == offset:
                return ("log", position, [])
            if self.entry(known[1] + 1):
                return ("log", position, [e for e in self.log if e[0] > known[1]])
        began = self.meta["began"] if self.meta else 0
        if known and known[0] != epoch and began == 0 and (offset == 0 or self.entry(1)):
            return ("anew", position, list(self.log))
        return ("users", position, dict(self.users))

    def reap(self, dead, known, bite):
        """Whether anything was found."""
        if self.refusing or self.wrong:
            return True
        found = [s for s, c in self.connections.items() if c[0] == dead]
        if found:
            self.place(known)
        for socket in found[:bite]:
            _, since, id = self.connections[socket]
            self.connections[socket] = ("-", since, id)
            self.put_away(socket)
        return bool(found)

    def sweep(self, known, bite):
        if self.refusing or self.wrong or not self.swept:
            return
        now = self.clock()
        due = []
        for socket, deadline in self.away.items():
            if deadline <= now:
                due.append(socket)
            elif deadline > now + WINDOW:
                self.away[socket] = now + WINDOW
        if not due:
            return
        self.place(known)
        for socket in due[:bite]:
            holder, since, id = self.connections.get(socket, ("", 0, ""))
            if holder == "-" and not id and since <= now < since + KEPT and "ended" not in self.off:
                self.away[socket] = min(since + KEPT, now + WINDOW)
            elif holder == "-":
                self.end("sweep", socket)
            else:
                del self.away[socket]

    def audit(self, judges, known, roster):
        """One round over the ride; the position after it."""
        for key in sorted(self.wrong):
            self.delete(key)
        if self.refusing:
            return None
        self.place(known)
        if known == self.position() and roster not in (None, self.users) and "compare" not in self.off:
            self.begin()
        self.swept = self.swept or bool(self.away)
        for socket, (holder, since, id) in list(self.connections.items()):
            lives = holder != "-" and self.lives(holder)
            if lives:
                self.subscribers.get(holder, []).append(("named", socket, id))
            elif holder != "-" and not judges:
                continue
            elif id and id not in self.users:
                del self.connections[socket]
                self.away.pop(socket, None)
            elif holder != "-" or socket not in self.away:
                self.connections[socket] = ("-", since, id)
                self.put_away(socket)
        lists = {}
        for socket, (_, _, id) in self.connections.items():
            if id:
                lists.setdefault(id, []).append(socket)
        for id in self.users:
            if id not in lists:
                socket = f"?{id}"
                self.connections[socket] = ("-", 0, id)
                self.put_away(socket)
                lists[id] = [socket]
        self.lists = lists
        return self.position()

    # --- laws of the keys

    def check(self):
        """Without a hand at single keys the keys agree with each other after every script."""
        aboard = {}
        for socket, (holder, _, id) in self.connections.items():
            if id:
                aboard.setdefault(id, set()).add(socket)
            if (holder == "-") != (socket in self.away):
                raise Broken(f"{socket} is held by {holder}, and its deadline is {self.away.get(socket)}")
        if aboard.keys() != self.users.keys():
            raise Broken(f"aboard are {sorted(self.users)}, with connections {sorted(aboard)}")
        lists = {id: set(sockets) for id, sockets in self.lists.items() if sockets}
        if lists != aboard:
            raise Broken(f"lists say {lists}, connections {aboard}")
