"""Helpers that every part of OfficeLine uses: errors, files, paths, clock, logs, phone numbers."""
