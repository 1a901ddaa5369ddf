"""The site: settings, sign-in, middleware. It knows everybody and nobody knows it."""
