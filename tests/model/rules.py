"""Times of the model, in beats, and the rules of the protocol that can be switched off to see the model catch it."""

LEASE = 3  # how long a node that says nothing is believed to live
WINDOW = 4  # how long a suspended rider stays aboard
KEPT = 3 * WINDOW  # how long what ended is kept in mind, from when its last gateway obtained it
DOUBT = LEASE + WINDOW + 1  # how long a rider who is missing from a new epoch is waited for
ROUND = 3  # how often a gateway audits
FORGET = 8 * LEASE  # when a dead node is struck off: later than anything it sent arrives
LOG = 8  # how many events the log keeps
CONNECTIONS = 3  # of one person
FIRST = 0  # the epoch in which the ride begins
START = "00000000"  # the fingerprint before the first event

RULES = {
    "audit": "a gateway audits its rides",
    "chain": "whoever compares positions compares their fingerprints",
    "compare": "the audit compares whole rosters at the same position, and begins a new epoch where they differ",
    "doubt": "nobody is recovered on a ride where somebody is doubted, nor with an id of then",
    "ended": "what ends where its client has come back is kept in mind: an older operation is refused",
    "fingerprint": "a position has a fingerprint of all before it",
    "lease": "a lease that was lost means that more may be, and leads to catching up",
    "latest": "what an answer told of the ride counts as known before its event is heard",
    "left": "a gateway that finds an epoch that it has left, or the first one, begins a new one",
    "moved": "what was sent in another epoch is sent again, not done",
    "once": "a repeated transition changes nothing",
    "nobodys": "what is put off and nobody's is judged by its tenure, too",
    "order": "a transition whose predecessor is not done is sent again",
    "phone": "a person stays aboard while another connection of theirs is",
    "putoff": "restoring never takes back who was put off by an exit elsewhere",
    "refusals": "what was refused is not done: sent again it is looked at again",
    "restore": "a gateway puts back riders of its own who are lost",
    "retry": "what becomes of a client is retried when Redis refuses it",
    "stale": "who obtained a socket later keeps it",
    "strangers": "a gateway ends what it hears of its own socket that it has no more",
    "taken": "that another node has a socket is remembered until what is under way of it is answered",
    "tenure": "a socket is obtained later than by its last holder, whatever the clock says",
}
