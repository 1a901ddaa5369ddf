"""What people open and press. Functions: read input, form, one gateway call, respond."""
