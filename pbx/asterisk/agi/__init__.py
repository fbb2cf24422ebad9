"""FastAGI: the question that Asterisk asks about each call."""
