"""What a run says about itself: code, versions, machine, cost."""

from __future__ import annotations

import ast
import csv
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import resource
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.methods import entry_of

# The modules of this package that can change a run's numbers.
NUMERICS = (
    *(
        "antmaze",
        "buffer",
        "checkpoint",
        "contract",
        "engine",
        "envs",
        "evaluate",
        "learner",
        "locomotion",
        "maze",
        "mazes",
        "nets",
        "off_policy",
        "on_policy",
        "online",
        "physics",
        "policies",
        "probes",
        "reading",
        "replay",
        "results",
        "rng",
        "start",
    ),
    *("train", "transformer", "transforms", "transitions", "types", "vae", "work"),
)
PACKAGES = ("torch", "numpy", "gymnasium", "gymnasium-robotics", "mujoco", "minari", "rliable")


def source_hash(method: str) -> str:
    """sha256 of the method's file, the method files it imports, and the numeric modules."""
    here = Path(__file__).parent
    files = [here / f"{name}.py" for name in NUMERICS] + _method_files(entry_of(method).module)
    digest = hashlib.sha256()
    named = {f"{path.parent.name}/{path.name}": path for path in files}
    for name, path in sorted(named.items()):  # by name: the place of the checkout must not count
        digest.update(name.encode() + path.read_bytes())
    return digest.hexdigest()


def _method_files(module: str) -> list[Path]:
    package, _, name = module.partition(".")
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / f"{name.replace('.', '/')}.py"
    files = [path]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == package:
                for alias in node.names:
                    files += _method_files(f"{package}.{alias.name}")
            elif node.module.startswith(f"{package}."):
                files += _method_files(node.module)
    return files


def commit() -> tuple[str | None, bool]:
    """The checked-out commit, and whether tracked files differ from it."""

    def git(*arguments: str) -> str | None:
        try:
            command = ["git", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))


def versions() -> dict[str, str]:
    """Python and the packages that a score can depend on."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **found}


def machine() -> dict[str, Any]:
    """Processor, cores, memory and system of this host."""
    cpu = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": cpu,
        "cores": cores,
        "memory_gb": round(memory, 1),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def peak_memory_mb() -> float:
    """The largest resident size of this process so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def replace_folder(staging: Path, folder: Path) -> None:
    """Put `staging` where `folder` is, which stays until the last moment and is then removed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        os.replace(folder, staging.with_name(f"{staging.name}.replaced"))
    os.replace(staging, folder)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; raises BenchError with the file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BenchError(f"{path}: file not found; run the step that writes it.") from None
    except ValueError as error:
        raise BenchError(f"{path}: not valid JSON ({error}); delete it and run again.") from None
    if not isinstance(content, dict):
        raise BenchError(f"{path}: expected a JSON object; delete it and run again.")
    return content


def write_text(path: Path, text: str) -> None:
    """Write atomically: the file is whole, or as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_text(text)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Indented JSON, atomically."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A CSV, atomically; floats keep the digits that restore them."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(scratch, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
