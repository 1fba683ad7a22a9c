# Plain `snakemake` finds this file; the workflow itself is in workflow/.
# Snakemake ignores the default target of an included file, hence the rule.


include: "workflow/Snakefile"


rule everything:
    default_target: True
    input:
        rules.all.input,
