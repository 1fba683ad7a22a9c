"""Entry point of the environment ids `bench.maze:...`, which stored datasets refer to."""

from bench.environments import stitch_maze as stitch_maze
