"""A rider's app with python-socketio, for tests: client.py URL RIDE alone|both accepts|declines

Handlers take the user alone or both the user and the offset; the app takes recovery's arguments or declines them.
Standard input has lines `board RECORD`, `exit RECORD` and `users`; what happens is printed as lines of JSON.
"""

import json
import sys
import threading

import socketio

url, ride, handlers, recovery = sys.argv[1:]
sio = socketio.Client(reconnection_delay=0.05, reconnection_delay_max=0.2)
printing = threading.Lock()
wanted = None  # the record, while the app means to be aboard


def tell(what, value):
    with printing:
        print(json.dumps({what: value}), flush=True)


def say(record, told="ack"):
    sio.emit("message", record, namespace=ride, callback=lambda answer: tell(told, answer))


# It knows no recovery: after a drop it is somebody new, and boards again. Whoever hears of the connection may have it
# board at once, which is not for this handler.
def connected():
    record = wanted
    tell("connect", sio.get_sid(ride))
    if record:
        say(record, "aboard again")


def listen(name):
    if handlers == "alone":

        def handler(user):
            tell("event", [name, user])

    else:

        def handler(user, offset=None):
            tell("event", [name, user] if offset is None else [name, user, offset])

    sio.on(name, handler, namespace=ride)


sio.on("connect", connected, namespace=ride)
sio.on("disconnect", lambda *reason: tell("disconnect", None), namespace=ride)
for event in ["userBoarded", "userExited", "userDisconnected"]:
    listen(event)
auth = {"recover": False} if recovery == "declines" else None
sio.connect(url, auth=auth, namespaces=[ride], wait_timeout=10)
for line in sys.stdin:
    command, _, record = line.strip().partition(" ")
    if command == "users":
        sio.emit("activeUsers", namespace=ride, callback=lambda answer: tell("ack", answer))
    else:
        wanted = record if command == "board" else None
        say(record)
