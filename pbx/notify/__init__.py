"""Publish events, notifications and metrics to other programs; accept no commands from them."""
