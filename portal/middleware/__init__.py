"""What happens around every view, one module a middleware."""
