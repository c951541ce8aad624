"""Requests and responses of the gateway, one file per noun."""
