# Prints what Python makes of JSON texts: see readers.mjs.
import json
import sys


def dump(value):
    if isinstance(value, dict):
        return {"o": [[dump(name), dump(member)] for name, member in value.items()]}
    if isinstance(value, list):
        return [dump(element) for element in value]
    if isinstance(value, str):
        return value.encode().hex()
    return value if value is None or isinstance(value, bool) else {"n": repr(value)}


for line in sys.stdin:
    print(json.dumps(dump(json.loads(bytes.fromhex(line)))))
