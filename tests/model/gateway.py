"""One gateway: its line of transitions, its stream of events, the roster that follows, what it holds, its clients."""

from rules import DOUBT, FORGET, LEASE, START
from store import Broken


class Transition:
    __slots__ = ("sequence", "kind", "socket", "id", "record", "tenure", "known", "heard", "sent", "answer",
                 "stay", "returned")

    def __init__(self, sequence, kind, socket, id, record, tenure, session):
        self.sequence, self.kind, self.socket, self.id, self.record = sequence, kind, socket, id, record
        self.tenure, self.known, self.heard, self.sent, self.answer = tenure, None, None, False, None
        self.stay = session.stay if session else 0
        self.returned = self.stay > 0


class Held:
    """A socket of this gateway that has been aboard. `id` is empty when its person has exited elsewhere."""
    __slots__ = ("id", "record", "tenure", "lost")

    def __init__(self, id, record, tenure=0):
        self.id, self.record, self.tenure, self.lost = id, record, tenure, False


class Session:
    """What a gateway has of a client, perhaps after that one has gone elsewhere."""
    __slots__ = ("of", "gateway", "socket", "taken", "tenure", "stay")

    def __init__(self, client, gateway, socket):
        self.of, self.gateway, self.socket = client, gateway, socket
        self.taken = 0  # when another node is said to have obtained it
        self.tenure = 0  # when this one did
        self.stay = client.stay  # how often it had come back

    @property
    def client(self):
        """The client, while it is at the other end."""
        client = self.of
        return client if client.gateway is self.gateway and client.socket == self.socket else None


class Gateway:
    def __init__(self, name, world):
        self.name, self.world, self.store, self.off = name, world, world.store, world.off
        self.state = "up"
        self.sequence = 0
        self.line = []  # transitions without an answer that was handled
        self.held = {}
        self.sessions = {}
        self.position = None  # of the stream
        self.latest = None  # the latest that it was told, by events or answers
        self.left = set()  # epochs that it has left
        self.roster, self.doubted = {}, {}
        self.history = []  # events of this epoch, without a gap up to the position
        self.seen = set()  # sequences of its own whose event was heard
        self.linked = False
        self.since = self.well_since = self.store.now
        self.silent_until = 0
        self.restore_in = None
        self.paused = -1  # when Redis last refused something that is to be sent again
        self.behind = False  # it refused to bring this gateway up to date
        self.audited = self.store.now
        self.found = {}  # dead nodes -> when something was last found of them
        self.wire, self.replies, self.messages = [], [], []
        self.link()

    def check(self):
        """One position, one roster."""
        store = self.store
        if self.position and not self.doubted and not self.catching and store.untouched:
            if self.roster != store.rosters[self.position]:
                raise Broken(f"{self.name} has {self.roster} at {self.position}, others {store.rosters[self.position]}")

    # --- the links

    def link(self):
        self.linked = True
        self.wire, self.replies, self.messages = [], [], []
        self.store.subscribers[self.name] = self.messages
        self.since = self.well_since = self.store.now
        for op in self.line:
            op.sent = op.answer is not None
        self.kept, self.covered, self.catching = [], 0, False
        self.catch_up()
        self.lease()

    def cut(self):
        """What is on its way may arrive all the same, and nobody hears of it."""
        self.linked = False
        self.store.subscribers.pop(self.name, None)
        strays, self.wire = self.wire, []
        return [(self.store.now, self.name, call) for call in strays if call[0] != "roster"]

    def lease(self):
        if not self.store.renew(self.name):
            self.since = self.well_since = self.store.now
            self.restore_in = 1
            if "lease" not in self.off:
                self.catch_up()

    def beat(self):
        if self.behind:
            self.catch_up()
        if self.restore_in is not None:
            self.restore_in -= 1
            if self.restore_in < 0:
                self.restore_in = None
                self.restore_all()
        self.lease()
        for id, deadline in list(self.doubted.items()):
            if deadline <= self.store.now and not self.catching:
                del self.doubted[id]
                if self.roster.pop(id, None) is not None:
                    self.tell("disconnected", id, "", None)

    # --- transitions

    def submit(self, kind, socket, id="", record="", tenure=0):
        self.sequence += 1
        session = self.sessions.get(socket)
        held = self.held.get(socket)
        tenure = max(tenure, session.tenure if session else 0, held.tenure if held and held.id else 0)
        self.line.append(Transition(self.sequence, kind, socket, id, record, tenure, session))

    def busy(self, socket):
        """Whether something of it is under way."""
        for op in self.line:
            if op.socket == socket:
                return True
        return False

    def flush(self):
        """Sends what waits, and what is lost, once the ride is known."""
        if not self.linked or self.position is None or self.catching or self.paused == self.store.now:
            return
        for socket, held in list(self.held.items()):
            if held.lost and not self.busy(socket):
                held.lost = False
                if held.id:
                    self.submit("restore", socket, held.id, held.record, held.tenure)
        before = 0
        for op in list(self.line):
            if op.answer is not None:
                continue
            if op.kind == "restore" and not op.sent and not self.aboard_here(op.socket):
                self.line.remove(op)
                continue
            if not op.sent:
                op.sent, op.known, op.heard = True, self.known(), self.position
                self.wire.append((op.kind, op, before, op.known, op.tenure))
            before = op.sequence

    def aboard_here(self, socket):
        held = self.held.get(socket)
        return held is not None and held.id != ""

    def execute(self):
        """Redis does the next of what was sent."""
        call = self.wire.pop(0)
        self.replies.append((call, perform(self.store, self.name, call)))

    def take_reply(self):
        call, answer = self.replies.pop(0)
        if call[0] == "roster":
            self.caught_up(answer)
            return
        op = call[1]
        if answer[0] == "early":
            op.sent = False
        elif answer[0] == "moved":
            op.sent = False
            if self.position[0] == op.known[0]:
                self.catch_up()
        elif answer[0] == "error":
            if op.kind in ("board", "exit") or "retry" in self.off:
                self.line.remove(op)
                session = self.sessions.get(op.socket)
                if session and session.client:
                    session.client.refused()
            else:
                op.sent = False
                self.paused = self.store.now
        else:
            op.answer = answer
            position = answer[1]
            if position[0] == self.position[0] and position[1] > self.known()[1] and "latest" not in self.off:
                self.latest = position
            self.settle_results()

    def known(self):
        """What scripts are told of the ride: the stream's position, or a later one of the same epoch."""
        at, latest = self.position, self.latest
        return latest if at and latest and latest[0] == at[0] and latest[1] > at[1] else at

    def settle_results(self):
        """A result waits for its event."""
        for op in list(self.line):
            if op.answer is not None:
                what, position, tenure, detail = op.answer
                if self.position[0] != position[0] or self.position[1] >= position[1]:
                    self.line.remove(op)
                    self.result(op, what, tenure, detail)
                    if self.position[0] != position[0] and op.socket in self.held:
                        self.held[op.socket].lost = True  # what was done is of an epoch that is over

    def result(self, op, what, tenure, detail):
        socket = op.socket
        session = self.sessions.get(socket)
        if not session:
            if op.kind in ("board", "restore", "resume") and what == "ok":
                self.let_go(socket)
            return
        held = self.held.get(socket)
        client = session.client
        if what == "ok" and op.kind in ("board", "resume"):
            session.tenure = tenure or session.tenure
        if what == "refused":
            self.evict(socket)
        elif what == "ok" and 0 < tenure < session.taken and (detail or op.kind != "resume"):
            self.evict(socket)
            self.let_go(socket)  # it may have been done after the other was over with it
        elif what == "many":
            if client:
                client.want = False
        elif op.kind == "board":
            if held:
                held.tenure = tenure or held.tenure
            if op.sequence not in self.seen:
                held = self.held[socket] = Held(op.id, op.record, tenure or (held.tenure if held else 0))
                if client:
                    client.aboard = op.id
                held.lost = op.id not in self.roster
        elif op.kind == "restore":
            if held and what == "ok":
                held.tenure = tenure
            elif held and not self.has_boarded_behind(op):
                held.id = ""
                if client and client.aboard:
                    client.aboard = ""
                    client.want = False
        elif op.kind == "resume":
            if detail:
                id, record = detail
                if socket not in self.held:
                    self.held[socket] = Held(id, record, tenure)
                self.held[socket].lost = id not in self.roster
            else:
                self.held.pop(socket, None)
            if client:
                client.came_back(self, detail)
        elif op.kind == "exit":
            self.held.pop(socket, None)
            if self.busy(socket):
                self.submit("disconnect", socket)
            del self.sessions[socket]
            if client:
                client.ended()

    def has_boarded_behind(self, op):
        """Whether the event of a later boarding came before the answer to this."""
        return any(later.socket == op.socket and later.sequence in self.seen for later in self.line)

    # --- the stream

    def catch_up(self):
        if not self.linked or self.catching:
            return
        self.catching, self.behind = True, False
        self.covered = len(self.kept)
        left = () if "left" in self.off else tuple(self.left)
        self.wire.append(("roster", left, self.known(), self.position, 0))

    def hear(self):
        message = self.messages.pop(0)
        if message[0] == "taken":
            _, socket, tenure = message
            held = self.held.get(socket)
            if held and held.tenure and held.tenure < tenure and not self.busy(socket):
                self.evict(socket)
            elif socket in self.sessions and "taken" not in self.off:
                self.sessions[socket].taken = tenure
        elif message[0] == "named":
            self.named(message[1], message[2])
        elif self.catching:
            self.kept.append(message)
        else:
            self.event(message)

    def event(self, message):
        _, epoch, event = message
        at = self.position
        compares = "chain" not in self.off
        if at and at[0] == epoch:
            if event[0] == at[1] + 1 and (event[2] == at[2] or not compares):
                self.apply(event)
                self.settle_results()
                return
            if event[0] <= at[1]:
                known = self.remembered(event[0])
                if not known or known[1] == event[1] or not compares:
                    return
        self.kept.append(message)
        self.catch_up()

    def remembered(self, offset):
        first = self.history[0][0] if self.history else 0
        return self.history[offset - first] if self.history and 0 <= offset - first < len(self.history) else None

    def caught_up(self, answer):
        self.catching = False
        if answer[0] == "error":
            self.kept.clear()
            self.behind = True
            self.well_since = self.store.now
            return
        what, position, content = answer
        known = self.position
        anew = not known or known[0] != position[0]
        if known and anew:
            self.left.add(known[0])
        if what == "log":
            for event in content:
                self.apply(event)
        elif what == "anew":
            self.doubt(self.roster)
            self.base((position[0], 0, START))
            for event in content:
                self.apply(event)
        else:
            self.base(position)
            gone = [id for id in self.roster if id not in content]
            if anew:
                self.doubt(gone)
            else:
                for id in gone:
                    del self.roster[id]
                    self.doubted.pop(id, None)
                    self.tell("disconnected", id, "", None)
            for id, record in content.items():
                self.doubted.pop(id, None)
                if self.roster.get(id) != record:
                    self.roster[id] = record
                    self.tell("boarded", id, record, None)
            for held in self.held.values():
                if held.id in content and not anew:
                    held.record = content[held.id]
                elif held.id:
                    held.lost = True
        if anew:
            self.restore_all()
        self.settle_results()
        # What came before the question is in the answer, or of a history that is none any more.
        kept, self.kept = self.kept[self.covered:], []
        for message in kept:
            if self.catching:
                self.kept.append(message)
            else:
                self.event(message)
        self.covered = len(self.kept)

    def base(self, position):
        self.position = position
        self.history = []

    def doubt(self, ids):
        for id in ids:
            self.doubted.setdefault(id, self.store.now + DOUBT)

    def restore_all(self):
        if "restore" in self.off:
            return
        for held in self.held.values():
            held.lost = bool(held.id)

    def apply(self, event):
        """The next event of the stream."""
        offset, chain, _, operation, kind, socket, id, record = event
        self.position = (self.position[0], offset, chain)
        self.history.append(event)
        node, _, sequence = operation.partition("-")
        if node == self.name and sequence.isdigit():
            self.seen.add(int(sequence))
        place = self.position
        if kind in ("boarded", "restored"):
            self.note_boarding(socket, id, record, node)
            known = self.roster.get(id) == record
            self.roster[id] = record
            self.doubted.pop(id, None)
            if kind == "boarded" or not known:
                self.tell("boarded", id, record, place)
        elif kind == "exited":
            self.roster.pop(id, None)
            self.doubted.pop(id, None)
            for held in self.held.values():
                if held.id == id:
                    held.id = ""
            for session in self.sessions.values():
                if session.client and session.client.aboard == id:
                    session.client.aboard = ""
                    session.client.want = False
            self.tell("exited", id, "", place)
        elif kind == "disconnected":
            self.doubted.pop(id, None)
            if self.roster.pop(id, None) is not None:
                self.tell("disconnected", id, "", place)
            if "restore" not in self.off:
                for held in self.held.values():
                    if held.id == id:
                        held.lost = True
        elif socket in self.held and self.held[socket].id:
            self.held[socket].lost = True

    def note_boarding(self, socket, id, record, node):
        for held in self.held.values():
            if held.id == id:
                held.record = record
        session = self.sessions.get(socket)
        if not session:
            if node == self.name:
                self.let_go(socket)
            return
        if node != self.name:
            return
        held = self.held.get(socket)
        if held:
            held.id, held.record = id, record
        else:
            self.held[socket] = Held(id, record)
        if session.client:
            session.client.aboard = id

    def let_go(self, socket):
        """Something has made a socket aboard that this gateway has no more."""
        if "strangers" not in self.off and not self.busy(socket):
            self.submit("suspend", socket)

    def tell(self, kind, id, record, place):
        for session in self.sessions.values():
            if session.client and session.client.joined:
                session.client.inbox.append((kind, id, record, place))

    # --- clients

    def evict(self, socket):
        """Another node has it."""
        self.held.pop(socket, None)
        session = self.sessions.pop(socket, None)
        if session and session.client:
            session.client.dropped()

    def drop(self, socket, kind):
        """The client of this socket is gone: for good, or perhaps to come back."""
        if socket in self.held or self.busy(socket):
            self.submit(kind, socket)
            self.held.pop(socket, None)
        del self.sessions[socket]

    def come_back(self, client, socket):
        self.held.pop(socket, None)
        self.sessions[socket] = Session(client, self, socket)
        self.submit("resume", socket)

    # --- what it does for others

    def judges(self):
        return self.store.now - self.since >= 2 * LEASE

    def look_after(self, bite):
        store = self.store
        if self.judges():
            for dead in sorted(store.nodes):
                if dead == self.name or store.lives(dead):
                    self.found.pop(dead, None)
                elif store.reap(dead, self.known(), bite):
                    self.found[dead] = store.now
                elif store.now - self.found.setdefault(dead, store.now) > FORGET:
                    store.nodes.discard(dead)
        else:
            self.found.clear()
        store.sweep(self.known(), bite)

    def audit(self):
        store = self.store
        self.audited = store.now
        compares = not self.catching and not self.doubted and self.known() == self.position
        position = store.audit(self.judges(), self.known(), self.roster if compares else None)
        if position is None:
            return
        if position[0] != self.position[0]:
            self.catch_up()
            return
        for socket, held in self.held.items():
            connection = store.connections.get(socket, ("", 0, ""))
            if held.id and not (connection[0] == self.name and connection[2] == held.id
                                and store.users.get(held.id) == held.record):
                held.lost = True

    def named(self, socket, id):
        """Redis has it under this node's name."""
        held = self.held.get(socket)
        if self.busy(socket):
            return
        if held and held.id:
            held.lost = held.lost or held.id != id
        else:
            self.submit("suspend", socket)


def perform(store, node, call):
    kind, op, before, known, tenure = call
    if kind == "roster":
        return store.roster(known, before, op)
    sent_known, sent_tenure = op.known, op.tenure
    op.known, op.tenure = known, tenure
    answer = store.transition(node, op, before, known)
    op.known, op.tenure = sent_known, sent_tenure
    return answer
