"""The site: settings, sign-in, middleware. It imports `devices`; nothing imports it."""

__version__ = "0.1.0"
