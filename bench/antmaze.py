"""Entry point of the environment ids `bench.antmaze:...`, which stored datasets refer to."""

from bench.environments import antmaze as antmaze
