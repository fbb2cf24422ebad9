"""What the line tells the world of itself: events, pushes and numbers; it takes no orders."""
