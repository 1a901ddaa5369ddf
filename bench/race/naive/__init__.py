"""Two portals as one would write them first, which the race must catch. Tokens live in the session.

The naive one refreshes when it finds them expired. The careful one (RACE_LOCK=on) takes turns by a lock that all
processes share, looks again, and saves at once: so it refreshes once, but a slow writer still puts the old tokens back.
"""
