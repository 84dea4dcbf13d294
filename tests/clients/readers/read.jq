# Prints what jq makes of JSON texts: see readers.mjs.
def dump:
  if type == "object" then {o: (to_entries | map([(.key | dump), (.value | dump)]))}
  elif type == "array" then map(dump)
  elif type == "string" then {c: explode}
  elif type == "number" then {n: tojson}
  else . end;
dump
