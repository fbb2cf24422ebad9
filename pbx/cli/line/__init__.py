"""Commands for the office's line: start, stop, watch and test it."""
