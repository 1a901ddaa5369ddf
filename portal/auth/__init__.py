"""Sign-in, sign-out and the API tokens of each session."""
