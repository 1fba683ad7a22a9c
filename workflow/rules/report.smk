# Runs -> scores -> statistics -> report; each a function of files.


rule statistics:
    input:
        run_files("evaluations.csv"),
        run_files("run.json"),
        run_files("episodes.csv") if FINE_TUNED else [],
    output:
        expand(
            "results/{suite}/{name}.csv",
            suite=SUITE.suite,
            name=["scores", "summary", "aggregate"]
            + (["effects"] if SUITE.baseline else [])
            + (["finetune"] if FINE_TUNED else []),
        ),
    log:
        f"logs/{SUITE.suite}/statistics.log",
    conda:
        "../envs/bench.yaml"
    params:
        suite=SUITE.model_dump_json(),
    shell:
        "python -m bench statistics --suite {params.suite:q} > {log} 2>&1"


rule report:
    input:
        rules.statistics.output,
        [card_of(task) for task in SUITE.tasks],
    output:
        report(
            f"reports/{SUITE.suite}.pdf",
            caption="../report/report.rst",
            category="Report",
        ),
    log:
        f"logs/{SUITE.suite}/report.log",
    conda:
        "../envs/bench.yaml"
    params:
        suite=SUITE.model_dump_json(),
    shell:
        "python -m bench report --suite {params.suite:q} > {log} 2>&1"
