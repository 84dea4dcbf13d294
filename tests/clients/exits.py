"""Riders' apps with python-socketio that exit one after the other, for tests: exits.py URL COUNT

When none of them can come back any more, how often they were connected, and disconnected, all of them, is printed.
"""

import json
import sys
import threading
import time

import socketio

url, count = sys.argv[1], int(sys.argv[2])
connections, disconnections = [], []


def exit_once(name):
    sio = socketio.Client(reconnection_delay=0.05, reconnection_delay_max=0.2)
    gone = threading.Event()

    def connected():
        again = name in connections
        connections.append(name)
        if again:
            sio.disconnect()

    # The library's thread for `41` is here while another one sees the connection close.
    def disconnected(*reason):
        disconnections.append(name)
        time.sleep(0.02)
        gone.set()

    sio.on("connect", connected)
    sio.on("disconnect", disconnected)
    sio.connect(url, auth={"recover": False}, wait_timeout=10)
    sio.emit("message", json.dumps({"id": name, "name": name, "status": "exiting"}))
    gone.wait()
    return sio


# wait() takes a second to see whether its client comes back.
ends = [threading.Thread(target=exit_once(f"rider{i}").wait) for i in range(count)]
for end in ends:
    end.start()
for end in ends:
    end.join()
print(len(connections), len(disconnections))
