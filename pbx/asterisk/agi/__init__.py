"""FastAGI: how Asterisk asks OfficeLine what to do with each call."""
