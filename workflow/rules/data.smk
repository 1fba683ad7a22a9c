# Datasets: downloaded (and converted), collected or already present; then flattened, audited and
# described by a card.


# Compute nodes of a cluster often have no network access.
localrules:
    fetch,
    fetch_minari,
    audited,


rule fetch:
    output:
        "data/d4rl/{file}",
    log:
        "logs/fetch/{file}.log",
    # It tries again itself where that may help.
    retries: 0
    conda:
        "../envs/bench.yaml"
    params:
        dataset=lambda wildcards: D4RL[wildcards.file],
    shell:
        "python -m bench fetch {params.dataset:q} > {log:q} 2>&1"


rule fetch_minari:
    output:
        "data/minari/{dataset}/data/main_data.hdf5",
        "data/minari/{dataset}/data/metadata.json",
    log:
        "logs/fetch/{dataset}.log",
    wildcard_constraints:
        dataset=one_of(HOSTED),
    retries: 0
    conda:
        "../envs/bench.yaml"
    shell:
        "python -m bench fetch {wildcards.dataset:q} > {log:q} 2>&1"


rule convert:
    input:
        lambda wildcards: FILES[wildcards.dataset],
        lambda wildcards: environment_files(DATASETS[wildcards.dataset]),
    output:
        "data/minari/{dataset}/data/main_data.hdf5",
        "data/minari/{dataset}/data/metadata.json",
    log:
        "logs/convert/{dataset}.log",
    wildcard_constraints:
        dataset=one_of(name for name in FILES if FILES[name]),
    conda:
        "../envs/bench.yaml"
    resources:
        mem_mb=4000,
    params:
        task=lambda wildcards: DATASETS[wildcards.dataset].task,
        facts=lambda wildcards: DATASETS[wildcards.dataset].model_dump_json(
            include={"recipe", "env_id"}
        ),
    shell:
        "python -m bench convert {params.task:q} > {log:q} 2>&1"


rule train_behavior:
    output:
        multiext(
            "data/behaviors/{robot}/", "ladder.safetensors", "ladder.csv", "curve.csv"
        ),
    log:
        "logs/behavior/{robot}.log",
    conda:
        "../envs/bench.yaml"
    resources:
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        settings=lambda wildcards: ROBOTS[wildcards.robot],
    shell:
        "python -m bench behavior {wildcards.robot:q} --out data/behaviors/{wildcards.robot:q}"
        " > {log:q} 2>&1"


rule collect:
    input:
        behavior_files,
    output:
        "data/minari/{dataset}/data/main_data.hdf5",
        "data/minari/{dataset}/data/metadata.json",
    log:
        "logs/collect/{dataset}.log",
    wildcard_constraints:
        dataset=one_of(LOCAL),
    conda:
        "../envs/bench.yaml"
    params:
        recipe=lambda wildcards: DATASETS[wildcards.dataset].recipe,
        env_id=lambda wildcards: DATASETS[wildcards.dataset].env_id,
        rows=lambda wildcards: SUITE.rows_of(DATASETS[wildcards.dataset].task),
    shell:
        "python -m bench collect {wildcards.dataset:q} --recipe {params.recipe:q}"
        " --env-id {params.env_id:q} --rows {params.rows:q} > {log:q} 2>&1"


rule transitions:
    input:
        stored_dataset,
        lambda wildcards: environment_files(FOLDERS[wildcards.folder]),
    output:
        multiext(
            "data/transitions/{folder}/",
            "card.json",
            "observations.npy",
            "actions.npy",
            "rewards.npy",
            "next_observations.npy",
            "masks.npy",
            "episodes.npy",
        ),
    log:
        "logs/transitions/{folder}.log",
    conda:
        "../envs/bench.yaml"
    params:
        task=lambda wildcards: FOLDERS[wildcards.folder].task,
        dataset=lambda wildcards: FOLDERS[wildcards.folder].dataset,
        row=lambda wildcards: FOLDERS[wildcards.folder].model_dump_json(
            include={"env_id", "reading", "max_rows"}
        ),
    shell:
        "python -m bench transitions {params.task:q} --dataset {params.dataset:q} > {log:q} 2>&1"


# Training starts only after every dataset of the suite has passed its audit.
rule audited:
    input:
        [card_of(task) for task in SUITE.tasks],
    output:
        touch(f"results/{SUITE.suite}/audited"),
    log:
        f"logs/{SUITE.suite}/audited.log",
    conda:
        "../envs/bench.yaml"
    shell:
        "echo {input:q} > {log:q}"
