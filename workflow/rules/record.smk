# What others published, pooled: `snakemake --cores all record`. It trains nothing.
RECORD_FILES = sorted(
    str(path)
    for path in shipped(Path("config/published")).rglob("*")
    if path.suffix in (".csv", ".yaml")
)


rule record:
    input:
        RECORD_FILES,
    output:
        report(
            "reports/record.pdf",
            caption="../report/record.rst",
            category="Report",
            labels={"what": "the published record, pooled", "form": "PDF"},
        ),
        report(
            "reports/record.html",
            caption="../report/record.rst",
            category="Report",
            labels={"what": "the published record, pooled", "form": "page"},
        ),
    log:
        "logs/record.log",
    conda:
        "../envs/bench.yaml"
    params:
        templates=TEMPLATES,
    shell:
        "python -m bench record > {log:q} 2>&1"
