# The front page of all published suites: `snakemake --cores all index`. It trains nothing.
rule index:
    input:
        rules.record.output,
        sorted(map(str, shipped(Path("results/published")).glob("*/*.json*"))),
        sorted(map(str, shipped(Path("results/published")).glob("*/scores.csv"))),
    output:
        report(
            "reports/index.pdf",
            caption="../report/index.rst",
            category="Report",
            labels={"what": "all published suites", "form": "PDF"},
        ),
        report(
            "reports/index.html",
            caption="../report/index.rst",
            category="Report",
            labels={"what": "all published suites", "form": "page"},
        ),
    log:
        "logs/index.log",
    conda:
        "../envs/bench.yaml"
    params:
        templates=TEMPLATES,
    shell:
        "python -m bench index > {log:q} 2>&1"
