"""Schedules as calendars (RFC 5545): exported for other programs, and imported from them."""
