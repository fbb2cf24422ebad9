"""What an administrator does for the line: doctor, drills, backup, retention, installation."""
