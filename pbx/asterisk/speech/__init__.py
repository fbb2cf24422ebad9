"""Prompts: the spoken sentences and their sound files."""
