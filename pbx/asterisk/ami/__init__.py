"""AMI: receive events from a running Asterisk and send it actions."""
