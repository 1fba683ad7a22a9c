"""A rehearsal of the paper's suites on stand-ins for D4RL's files; `make rehearsal`."""
