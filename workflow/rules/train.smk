# One job trains and evaluates one block of seeds of one (method, task).


rule train:
    input:
        card=lambda wildcards: card_of(wildcards.task),
        audited=ancient(rules.audited.output),
        start=start_files,
        method=method_files,
    output:
        # The checkpoint is not declared, so that an interrupted job finds its own.
        expand(
            "results/{{suite}}/runs/{{method}}/{{task}}/{{seeds}}/{name}",
            name=RUN_FILES,
        ),
    log:
        "logs/{suite}/train/{method}/{task}/{seeds}.log",
    priority: lambda wildcards: weight(wildcards.method)
    conda:
        "../envs/bench.yaml"
    threads: 1
    resources:
        mem_mb=memory_of,
        runtime=runtime_of,
        gpu=1,  # where jobs are limited by it: --resources gpu=N, or a cluster's scheduler
    params:
        settings=settings_of,
    # exec: an intermediate shell would die of the signal that ends a job; SLURM would then consider
    # the job finished and kill Python while it writes its checkpoint.
    shell:
        "exec python -m bench train --settings {params.settings:q} --threads {threads:q} > {log:q} 2>&1"
