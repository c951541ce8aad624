"""Requests and responses of the gateway, one module per noun."""
