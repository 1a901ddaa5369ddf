"""The Platform API, served on this machine over a database of its own: for the demo, for development and for the tests.

It is a second reading of the API's documents, made apart from the portal: neither imports the other. Nothing here is
secret, and nothing here is meant to face a network.
"""
