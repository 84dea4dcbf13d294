"""Many schedules, over all cores: main.py SCHEDULES [FIRST_SEED]; with --seed N one, told step by step.

--off RULE,… switches rules off. A schedule that fails is made as short as it gets, and told.
"""

import argparse
import multiprocessing
import sys
import time
import traceback

from rules import RULES
from store import Broken
from world import KEYED, World


def broken(seed, off=(), faults=None, rounds=None, trace=None):
    """What is wrong after this schedule, if anything is."""
    world = World(seed, off, faults, rounds, trace)
    try:
        world.play()
    except Broken as error:
        return str(error)
    except Exception:  # the model itself is wrong: as bad
        return traceback.format_exc()
    return None


def shortest(seed, off=()):
    """The fewest kinds of faults and rounds of chaos with which the seed still fails."""
    faults = sorted(set(KEYED))
    for fault in tuple(faults):
        fewer = [f for f in faults if f != fault]
        if broken(seed, off, fewer):
            faults = fewer
    rounds = next((r for r in range(61) if broken(seed, off, faults, r)), None)
    return faults, rounds


def tell(seed, off, faults=None, rounds=None):
    trace = []
    what = broken(seed, off, faults, rounds, trace)
    print(f"seed {seed}, faults {faults}, rounds {rounds}:")
    print("\n".join(trace))
    print(what or "all is well")


def one(work):
    seed, off = work
    return seed, broken(seed, off)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("schedules", type=int, nargs="?", default=1000)
    parser.add_argument("first", type=int, nargs="?", default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--off", default="", help=", ".join(RULES))
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    options = parser.parse_args()
    off = tuple(filter(None, options.off.split(",")))
    if options.seed is not None:
        tell(options.seed, off, *(shortest(options.seed, off) if broken(options.seed, off) else ()))
        return 0
    begun = time.monotonic()
    wrong = []
    seeds = ((seed, off) for seed in range(options.first, options.first + options.schedules))
    with multiprocessing.Pool(options.jobs) as pool:
        for done, (seed, what) in enumerate(pool.imap_unordered(one, seeds, 50), 1):
            if what:
                wrong.append(seed)
                print(f"seed {seed}: {what.strip().splitlines()[-1]}", flush=True)
            if done % 10000 == 0:
                print(f"{done} schedules, {len(wrong)} wrong, {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{options.schedules} schedules from seed {options.first}: {len(wrong)} wrong, "
          f"{time.monotonic() - begun:.0f} s")
    if wrong:
        tell(min(wrong), off, *shortest(min(wrong), off))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
