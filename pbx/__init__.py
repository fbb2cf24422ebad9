"""Everything that touches the world: sockets, files, processes and the clock."""
