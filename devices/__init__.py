"""The app: devices of the Platform API, shown and changed in a browser."""
