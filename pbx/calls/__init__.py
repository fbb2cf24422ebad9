"""A patient's call: the questions Asterisk asks about it and the verdicts it gets."""
