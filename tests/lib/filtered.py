"""Runs a program under a seccomp profile as Docker takes it: filtered.py PROFILE.json COMMAND ARGUMENT..."""

import json
import os
import sys

import seccomp

ACTIONS = {"SCMP_ACT_ALLOW": lambda _: seccomp.ALLOW, "SCMP_ACT_ERRNO": seccomp.ERRNO}
OPERATORS = {"SCMP_CMP_MASKED_EQ": seccomp.MASKED_EQ}

with open(sys.argv[1]) as file:
    profile = json.load(file)
rules = seccomp.SyscallFilter(ACTIONS[profile["defaultAction"]](profile["defaultErrnoRet"]))
for rule in profile["syscalls"]:
    arguments = [seccomp.Arg(arg["index"], OPERATORS[arg["op"]], arg["value"], arg["valueTwo"]) for arg in rule.get("args", [])]
    for name in rule["names"]:
        if seccomp.resolve_syscall(seccomp.Arch(), name) != -1:  # other machines have other calls
            rules.add_rule(ACTIONS[rule["action"]](rule.get("errnoRet")), name, *arguments)
rules.load()
os.execvp(sys.argv[2], sys.argv[2:])
