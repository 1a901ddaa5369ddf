"""Signing in and out, and the API tokens that a session owns."""
