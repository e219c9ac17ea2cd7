"""The repository's own rules: one name a step, short files, scripts that help from anywhere, every knob described."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tracesmith import modules

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
LIBRARY = sorted((ROOT / "scripts" / "tracesmith").rglob("*.py"))
WORKFLOW = [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]
ORDER = [
    "input",
    "output",
    "log",
    "benchmark",
    "wildcard_constraints",
    "conda",
    "threads",
    "resources",
    "params",
    "shell",
]

# Metered for another reason: they push to a server of others, or take a GPU for hours.
WITHOUT_SANDBOX = {"push_mirror", "push_image", "finetune"}


def rules() -> dict[str, str]:
    """Return the text of every rule but `all`, by its name."""
    found = {}
    for path in WORKFLOW:
        for block in re.split(r"(?m)^(?=\S)", path.read_text()):
            head = re.match(r"(?:rule|checkpoint) (\w+):\n", block)
            if head and head[1] != "all":
                found[head[1]] = block
    return found


RULES = rules()


def flags_of(script: Path) -> str:
    """Return the text in which a script's flags stand: its own, and the shared ones of a model."""
    text = script.read_text()
    return text + (ROOT / "scripts/tracesmith/llm/flags.py").read_text() if "flags.add(" in text else text


def part(rule: str, name: str) -> str:
    """Return the lines of one directive of a rule, or an empty text."""
    found = re.search(rf"(?m)^    {name}:(.*\n(?:        .*\n|\n)*)", RULES[rule])
    return found[1] if found else ""


def test_the_workflow_has_its_rules() -> None:
    expected = {"build_environment", "generate_bugs", "collect_patches", "validate_bugs", "gather_instances"}
    expected |= {"write_issues", "assemble_dataset", "run_agent", "evaluate_predictions", "convert_trajectories"}
    expected |= {"make_tiny_model", "render_training_config", "finetune", "hold_out_instances", "evaluate_model"}
    assert expected | {"filter_resolved", "report_run", "push_mirror", "push_image"} <= set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_named_like_its_script_its_log_and_its_benchmark(rule: str) -> None:
    assert ROOT / "scripts" / f"{rule}.py" in SCRIPTS
    assert f"/{rule}.py" in part(rule, "input")
    assert re.findall(r'"([^"]+)"', part(rule, "log"))[0].startswith(f"logs/rules/{rule}/")
    assert re.findall(r'"([^"]+)"', part(rule, "benchmark"))[0].startswith(f"benchmarks-out/{rule}/")
    assert "python {input.script:q}" in part(rule, "shell")
    assert "&>{log:q}" in part(rule, "shell")


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_says_what_it_does_and_what_it_needs(rule: str) -> None:
    assert re.match(r'(?:rule|checkpoint) \w+:\n    """[A-Z].*\."""\n', RULES[rule])
    assert part(rule, "threads").strip()
    assert part(rule, "conda").strip()
    resources = set(re.findall(r"(?m)^        (\w+)=", part(rule, "resources")))
    assert {"mem_mb", "runtime"} <= resources
    metered = "ancient(" in part(rule, "input")
    assert ("docker" in resources) == (metered and rule not in WITHOUT_SANDBOX), "what opens sandboxes is metered"
    assert not part(rule, "run")
    assert not part(rule, "message")


@pytest.mark.parametrize("rule", RULES)
def test_the_parts_of_a_rule_are_in_order_and_named(rule: str) -> None:
    found = re.findall(r"(?m)^    (\w+):", RULES[rule])
    assert found == [name for name in ORDER if name in found]
    for name in ("input", "output", "resources", "params"):
        items = re.findall(r"(?m)^        (\S.*)", part(rule, name))
        assert all(re.match(r"\w+=|unpack\(|[\])]", item) for item in items), items


@pytest.mark.parametrize("rule", RULES)
def test_a_cheap_rule_depends_on_all_its_script_imports(rule: str) -> None:
    assert (f'library=library("{rule}")' in part(rule, "input")) != ("ancient(" in part(rule, "input"))
    script = ROOT / "scripts" / f"{rule}.py"
    names = "[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'tracesmith']"
    code = f"import runpy, sys; runpy.run_path({str(script)!r}); print(*{names}, sep=chr(10))"
    path = {"PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=path)
    loaded = {Path(name) for name in done.stdout.splitlines()}
    assert loaded <= set(modules.modules_of(script))


def imported_names(path: Path) -> set[str]:
    """Return the names of the library that a module imports, as Python's parser sees them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("tracesmith")}


def test_the_lines_of_imports_say_what_pythons_parser_says() -> None:
    modules_and_scripts = [*(ROOT / "scripts").rglob("*.py")]
    assert len(modules_and_scripts) > 300
    for path in modules_and_scripts:
        assert {*modules.names_in(path.read_text())} == imported_names(path), path


@pytest.mark.parametrize("rule", RULES)
def test_every_flag_of_a_rule_is_one_of_its_script(rule: str) -> None:
    script = flags_of(ROOT / "scripts" / f"{rule}.py")
    flags = re.findall(r"--[a-z][a-z-]+", part(rule, "shell") + part(rule, "params"))
    assert flags
    for flag in flags:
        assert f'"{flag}"' in script, flag


@pytest.mark.parametrize("path", WORKFLOW, ids=lambda path: path.name)
def test_no_rule_refers_to_another_rules_output(path: Path) -> None:
    assert "rules." not in path.read_text()
    assert path.read_text().startswith('"""')


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_short_and_shows_a_command(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) < 60
    assert text.startswith("#!/usr/bin/env python3\n")
    assert os.access(path, os.X_OK)
    doc = ast.get_docstring(ast.parse(text), clean=False) or ""
    assert f"\n    scripts/{path.name} " in doc
    assert len(doc.strip().splitlines()[0]) <= 120
    assert text.rstrip().endswith('if __name__ == "__main__":\n    cli.run(main)')


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_flag_of_a_scripts_command_exists(path: Path) -> None:
    doc = ast.get_docstring(ast.parse(path.read_text()), clean=False) or ""
    shown = doc[doc.index(f"    scripts/{path.name}") :].split("\n\n")[0]
    for flag in re.findall(r"--[a-z][a-z-]+", shown):
        assert f'"{flag}"' in flags_of(path), flag


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_helps_from_any_folder(path: Path, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, path, "--help"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"scripts/{path.name} " in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.relative_to(ROOT / "scripts").as_posix())
def test_a_library_file_is_short_and_says_its_job(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) < 300
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{node.name} is long"


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.relative_to(ROOT / "scripts").as_posix())
def test_the_library_knows_no_snakemake_and_stages_do_not_know_each_other(path: Path) -> None:
    names = imports(path)
    assert not any(name.split(".")[0] == "snakemake" for name in names)
    assert "argparse" not in names or path.name == "cli.py"
    parts = path.relative_to(ROOT / "scripts" / "tracesmith").parts
    stages = {folder.parent.name for folder in LIBRARY if folder.name == "__init__.py"}
    stages -= {"tracesmith", "sandboxes", "operators", "runners", "detection", "llm", "selection"}
    if len(parts) > 1 and parts[0] in stages:
        others = {name.split(".")[1] for name in names if name.startswith("tracesmith.")} & stages - {parts[0]}
        assert not others, f"{path} imports {others}"


def test_every_key_of_the_configuration_is_used() -> None:
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    library = [ROOT / "scripts" / "tracesmith" / name for name in ("configuration.py", "models.py")]
    used = "".join(path.read_text() for path in [*WORKFLOW, *library])
    sections = {"sandbox": config["sandbox"], "llm": config["llm"], **config["defaults"]}
    for section, values in sections.items():
        for key in values:
            where = rf"""(?:["']{section}["'].{{1,3}}|\b(?:chosen|llm)\[)["']{key}["']"""
            assert re.search(where, used), f"{section}.{key}"


def test_every_key_of_the_configuration_is_in_the_example_with_its_unit() -> None:
    text = (ROOT / "config.yaml").read_text()
    for name in re.findall(r"(?m)^ *(\w*timeout\w*):", text):
        assert name.endswith("_s")


def test_no_two_test_files_have_one_name() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py") if "data" not in path.parts]
    assert sorted(names) == sorted(set(names)), "pytest would refuse to collect the second"


def test_the_guide_for_those_who_come_from_swesmith_names_files_that_rules_make() -> None:
    table = (ROOT / "docs" / "coming_from_swesmith.md").read_text().split("## Entering")[0]
    named = re.findall(r"`((?:logs|trajectories|trajectories_sft|outputs)/[^`]*[^/`])`", table)
    outputs = "".join(part(rule, "output") for rule in RULES)
    patterns = [re.sub(r"\\\{.*?\\\}", ".+", re.escape(text)) for text in re.findall(r'"([^"\n]+)"', outputs)]
    missing = [name for name in named if not any(re.fullmatch(pattern, name) for pattern in patterns)]
    assert named
    assert missing == []
