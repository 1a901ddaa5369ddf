"""The token refresh race: concurrent requests use a refresh token once. `python -m bench.race`.

Each setup in which the portal may run (threads, processes, two hosts) gets rounds of simultaneous requests with an
expired token, and then the accidents: a slow platform, killed processes, a sign-out in between. Two naive portals that
hold their tokens in the session must fail the same checks, or the checks show nothing.
"""
