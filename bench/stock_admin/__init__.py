"""Stock Django admin over a local table: the yardstick that most people know. One model, one list, nothing tuned."""
