# The paper's ideas as small experiments and figures with sliders: `snakemake --cores all ideas`.
from bench.config.registry import IDEAS, SLIDERS


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


rule slider:
    output:
        "results/ideas/sliders/{slider}.json",
    log:
        "logs/ideas/sliders/{slider}.log",
    wildcard_constraints:
        slider="|".join(SLIDERS),
    conda:
        "../envs/bench.yaml"
    shell:
        "python -m bench slider {wildcards.slider:q} > {log:q} 2>&1"


rule ideas:
    input:
        expand("results/ideas/{idea}.json", idea=IDEAS),
        expand("results/ideas/sliders/{slider}.json", slider=SLIDERS),
    output:
        report(
            "reports/ideas.pdf",
            caption="../report/ideas.rst",
            category="Report",
            labels={"what": "the paper's ideas, measured", "form": "PDF"},
        ),
        report(
            "reports/ideas.html",
            caption="../report/sliders.rst",
            category="Report",
            labels={"what": "the paper's ideas, with sliders", "form": "HTML"},
        ),
    log:
        "logs/ideas/report.log",
    conda:
        "../envs/bench.yaml"
    shell:
        "python -m bench ideas > {log:q} 2>&1"
