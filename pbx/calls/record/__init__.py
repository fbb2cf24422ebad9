"""What happened: the call log, the inbox's beginnings, and Asterisk's own records beside them."""
