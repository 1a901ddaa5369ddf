"""Two naive portals that hold their tokens in the session, which the race must catch.

The naive one refreshes expired tokens. The careful one (RACE_LOCK=on) takes a lock that all processes share, reads
again, and saves at once: it refreshes once, but a slow writer still restores the old tokens.
"""
