"""Everything a method may import: networks, optimisers, replay and random streams."""
