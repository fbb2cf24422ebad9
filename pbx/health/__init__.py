"""Whether the line works: signs of life, the doctor, drills."""
