"""Devices of the sandbox's fleet that tests name; the same ids for every seed (sandbox/seed_cases.py)."""

RICH = 1
NO_OWNER = 2
MINE = 3
NEVER_ACTIVATED = 4
NO_HARDWARE = 5
HTTP_ONLY = 6
UNKNOWN_ONLINE = 7
NO_HISTORY = 8
BENCH = 9
OUT_OF_REACH = 104
HOSTILE = range(121, 129)
NOBODY = 2_000_000_000
