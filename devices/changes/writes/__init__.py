"""The changes that people can make, one module each."""
