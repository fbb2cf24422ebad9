"""The wires to Asterisk, and Asterisk itself as a program."""
