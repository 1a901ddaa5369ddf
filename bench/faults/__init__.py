"""Every fault of the platform x every operation of the gateway x {page, htmx}, on a real portal and a real sandbox.

`python -m bench.faults` prints its figures and ends with 1 if one of them is not what it has to be.
"""
