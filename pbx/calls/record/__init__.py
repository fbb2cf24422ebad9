"""Record what happened: the call log, new messages, and Asterisk's own call records."""
