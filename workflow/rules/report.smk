# Runs -> scores -> statistics -> report; each step depends only on files.


rule statistics:
    input:
        run_files(EVALUATIONS),
        run_files(RECORD),
        run_files(EPISODES) if FINE_TUNED else [],
    output:
        expand(
            "results/{suite}/{name}.csv",
            suite=SUITE.suite,
            name=["scores", "summary", "aggregate"]
            + (["effects"] if SUITE.baseline else [])
            + (["finetune"] if FINE_TUNED else []),
        ),
        f"results/{SUITE.suite}/suite.json",
    log:
        f"logs/{SUITE.suite}/statistics.log",
    conda:
        "../envs/bench.yaml"
    params:
        suite=suite_settings,
        tasks=rows_of("family", "ref_min_score", "ref_max_score", "bounded"),
    shell:
        "python -m bench statistics --suite {params.suite:q} > {log:q} 2>&1"


rule claims:
    input:
        rules.statistics.output,
        run_files(RECORD),
        ours("config/claims.yaml"),
        ours(
            *multiext(
                "config/published/",
                "table1.csv",
                "table2.csv",
                "iql_spread.csv",
                "corl.csv",
            )
        ),
        ours(
            *multiext(
                "config/",
                "paper.yaml",
                "paper-finetune.yaml",
                "paper-ablations.yaml",
                "extended.yaml",
            )
        ),
        sorted(map(str, shipped(IDEA_RESULTS).glob("*.json"))),
        [str(path) for path in [shipped(BENCHMARK)] if path.exists()],
    output:
        f"results/{SUITE.suite}/claims.json",
    log:
        f"logs/{SUITE.suite}/claims.log",
    conda:
        "../envs/bench.yaml"
    params:
        suite=suite_settings,
        tasks=rows_of("family", "recipe"),
        methods=entries_of("paper_minutes"),
    shell:
        "python -m bench claims --suite {params.suite:q} > {log:q} 2>&1"


# Learned values and rolled-out paths, for the report's maps of mazes.
rule trace:
    input:
        card=lambda wildcards: card_of(wildcards.task),
        run="results/{suite}/runs/{method}/{task}/{seeds}/run.json",
        policy="results/{suite}/runs/{method}/{task}/{seeds}/policy.safetensors",
    output:
        "results/{suite}/runs/{method}/{task}/{seeds}/trace.safetensors",
    log:
        "logs/{suite}/trace/{method}/{task}/{seeds}.log",
    conda:
        "../envs/bench.yaml"
    resources:
        mem_mb=1500,
    shell:
        "python -m bench trace"
        " results/{wildcards.suite:q}/runs/{wildcards.method:q}/{wildcards.task:q}/{wildcards.seeds:q}"
        " > {log:q} 2>&1"


# An episode of the best and of the worst method on each task; nothing else depends on it.
rule strips:
    input:
        rules.statistics.output,
        run_files(POLICY),
        run_files(RECORD),
    output:
        f"results/{SUITE.suite}/strips/strips.json",
    log:
        f"logs/{SUITE.suite}/strips.log",
    conda:
        "../envs/bench.yaml"
    params:
        suite=suite_settings,
    shell:
        "python -m bench strips --suite {params.suite:q} > {log:q} 2>&1"


rule report:
    input:
        rules.statistics.output,
        rules.claims.output,
        rules.strips.output if SUITE.frames else [],
        [card_of(task) for task in SUITE.tasks],
        run_files(TRACE, SUITE.maps) if SUITE.maps else [],
        run_files(RECORD),
        ours("config/methods.yaml", "config/tasks.tsv"),
        OWN,
        PUBLISHED,
        [str(path) for path in [shipped(COVERAGE)] if path.exists()],
    output:
        report(
            f"reports/{SUITE.suite}.pdf",
            caption="../report/report.rst",
            category="Report",
            labels={"what": "the whole report", "form": "PDF"},
        ),
        report(
            f"reports/{SUITE.suite}.html",
            caption="../report/report.rst",
            category="Report",
            labels={"what": "the whole report", "form": "page"},
        ),
        report(
            directory(f"reports/{SUITE.suite}/figures"),
            patterns=["{figure}.svg"],
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        report(
            directory(f"reports/{SUITE.suite}/tables"),
            patterns=["{table}.csv"],
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
    log:
        f"logs/{SUITE.suite}/report.log",
    conda:
        "../envs/bench.yaml"
    params:
        suite=suite_settings,
        templates=TEMPLATES,
    shell:
        "python -m bench report --suite {params.suite:q} > {log:q} 2>&1"
