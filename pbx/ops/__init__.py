"""Tools for the administrator: doctor, drills, backup, retention, installation."""
