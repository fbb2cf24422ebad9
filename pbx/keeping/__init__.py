"""What must outlast a machine and what must not: backups, damage, retention."""
