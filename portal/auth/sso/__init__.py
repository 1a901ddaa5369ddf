"""Single sign-on: the person's identity from an OpenID provider or from a proxy's headers."""
