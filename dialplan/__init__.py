"""Renders Asterisk's configuration: pure functions from values to text."""
