"""The peer of `python -m bench benchmark --peer PYTHON`: d3rlpy's IQL, measured like ours.

It runs in an interpreter with d3rlpy, which needs its own environment (it pins another
Gymnasium), and imports nothing from this repository. The argument is JSON: width, threads,
seconds. It prints that it is ready, measures one round for each line that it reads, and prints
versions and peak memory at the end of its input.
"""

import json
import os
import resource
import sys
import time

import d3rlpy
import numpy as np
import torch
from d3rlpy.models.encoders import VectorEncoderFactory

ROWS, OBSERVATION, ACTION, BATCH, EPISODE = 100_000, 17, 6, 256, 1000


def dataset() -> d3rlpy.dataset.MDPDataset:
    """Return random rows of the same shape as ours."""
    rng = np.random.default_rng(0)
    ends = np.zeros(ROWS, dtype=np.float32)
    ends[EPISODE - 1 :: EPISODE] = 1
    return d3rlpy.dataset.MDPDataset(
        rng.standard_normal((ROWS, OBSERVATION), dtype=np.float32),
        rng.uniform(-1, 1, (ROWS, ACTION)).astype(np.float32),
        rng.standard_normal(ROWS, dtype=np.float32),
        ends,
    )


def main() -> None:
    # Output of libraries must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(content: object) -> None:
        print(json.dumps(content), file=answers, flush=True)

    task = json.loads(sys.argv[1])
    torch.set_num_threads(task["threads"])
    data = dataset()
    encoder = VectorEncoderFactory([task["width"], task["width"]])
    config = d3rlpy.algos.IQLConfig(
        batch_size=BATCH,
        actor_encoder_factory=encoder,
        critic_encoder_factory=encoder,
        value_encoder_factory=encoder,
    )
    algo = config.create(device=False)
    algo.build_with_dataset(data)

    def spend(count: int) -> float:
        began = time.perf_counter()
        for _ in range(count):
            algo.update(data.sample_transition_batch(BATCH))
        return time.perf_counter() - began

    count = 1
    while (spent := spend(count)) < 0.2 * task["seconds"]:  # warms up
        count *= 2
    per_round = max(round(task["seconds"] / spent * count), 1)
    say({})
    for _ in sys.stdin:
        say(per_round / spend(per_round))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    versions = {"d3rlpy": d3rlpy.__version__, "torch": torch.__version__}
    say({"peak_memory_megabytes": round(memory, 1), "versions": versions})


if __name__ == "__main__":
    main()
