"""AMI: the events and actions of a running Asterisk."""
