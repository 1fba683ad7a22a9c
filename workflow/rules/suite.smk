# Which suite: `--configfile` replaces the default one instead of being merged into it. A module's
# own `config:` replaces both.
import sys
from pathlib import Path

# In a checkout, the code beside the workflow; otherwise what is installed.
CHECKOUT = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parents[1]
if (CHECKOUT / "bench").is_dir():
    sys.path.insert(0, str(CHECKOUT))

from bench.config.yaml_files import read_yaml
from bench.errors import BenchError
from bench.paths import default_suite, shipped

if workflow.overwrite_configfiles:
    update_config(config, workflow.config_settings.overwrite_config)
else:

    configfile: str(shipped(default_suite()))
