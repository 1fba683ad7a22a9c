"""Entry point of the environment ids `bench.locomotion:...`, which stored datasets carry."""

from bench.environments import locomotion as locomotion
