"""The shape of what people send: one form a write, others for the lists. No I/O; the API has the last word."""
