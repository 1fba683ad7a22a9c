"""The shared package: tasks, data, training loop, statistics and report of the suite."""
