"""Interfaces to Asterisk (AGI, AMI, sounds), and running Asterisk as a process."""
