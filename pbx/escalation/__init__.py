"""Calls between the office and its own people: urgent messages, shifts, calls to patients."""
