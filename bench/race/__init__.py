"""The token refresh race: whatever happens at once, one refresh token is spent once. `python -m bench.race`.

Each set-up in which the portal may run (threads, processes, two hosts) gets rounds of requests that are let go at once
with an expired token, and then the accidents: a slow platform, killed processes, a sign-out in between. Two doubles
that keep their tokens in the session must fail the same checks, or the checks show nothing.
"""
