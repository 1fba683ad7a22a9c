"""Entry point of the environment ids `bench.antmaze:...`, which stored datasets carry."""

from bench.environments import antmaze as antmaze
