"""Asterisk as a program: found or fetched, started unprivileged, watched, restarted and stopped."""
