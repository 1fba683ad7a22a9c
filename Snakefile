# Plain `snakemake` finds this file; the workflow itself is in workflow/.
# An included default target is not taken over, hence the rule.


include: "workflow/Snakefile"


rule everything:
    default_target: True
    input:
        rules.all.input,
