"""The shared package: tasks, data, training loop, statistics and reports."""
