"""Stock Django admin over a local table: a baseline that most people know. One model, one list, nothing tuned."""
