"""Entry point of the environment ids `bench.locomotion:...`, which stored datasets refer to."""

from bench.environments import locomotion as locomotion
