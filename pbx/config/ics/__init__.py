"""Schedules as calendars: what other programs show, and what they bring us (RFC 5545)."""
