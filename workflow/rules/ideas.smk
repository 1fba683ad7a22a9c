# The paper's ideas as small experiments: `snakemake --cores all ideas`.
from bench.config.registry import IDEAS


rule idea:
    output:
        "results/ideas/{idea}.json",
    log:
        "logs/ideas/{idea}.log",
    wildcard_constraints:
        idea="|".join(IDEAS),
    conda:
        "../envs/bench.yaml"
    shell:
        "python -m bench idea {wildcards.idea:q} > {log:q} 2>&1"


rule ideas:
    input:
        expand("results/ideas/{idea}.json", idea=IDEAS),
    output:
        report(
            "reports/ideas.pdf",
            caption="../report/ideas.rst",
            category="Report",
            labels={"what": "the paper's ideas, measured", "form": "PDF"},
        ),
    log:
        "logs/ideas/report.log",
    conda:
        "../envs/bench.yaml"
    shell:
        "python -m bench ideas > {log:q} 2>&1"
