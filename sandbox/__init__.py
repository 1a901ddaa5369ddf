"""The Platform API, served on this machine over a database of its own: for the demo, for development and for the tests.

It is an independent implementation of the documented API: it shares no code with the portal. It holds no secrets and
must not be exposed to a network.
"""
