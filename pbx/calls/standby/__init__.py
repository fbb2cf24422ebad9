"""The standby: a process that Asterisk starts to make the same decisions if the daemon is down."""
