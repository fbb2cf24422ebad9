"""The spoken sentences and their sound files."""
