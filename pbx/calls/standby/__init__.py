"""The standby: the same decisions, by a process of Asterisk's own, when the daemon is dead."""
