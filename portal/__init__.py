"""The site: settings, sign-in, middleware. It knows everybody and nobody knows it."""

__version__ = "0.1.0"
