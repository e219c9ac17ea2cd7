"""Programs, flags, targets and keys of the guides are there, and the pages that are made are those of the sources."""

import ast
import copy
import importlib
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from itertools import dropwhile
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.cli import get_argument_parser
from snakemake.utils import update_config

import guides
from guides import ROOT, Block
from tracesmith import cli, schemas
from tracesmith.documentation import commands, pictures, rules, writing

BLOCKS = list(guides.blocks())
OTHERS = {"apt-get", "awk", "cd", "docker", "export", "git", "head", "socat", "squeue"}
"""Programs that are not ours: that they are called as they are now is all that a test without them can say."""
MAKEFILE = (ROOT / "Makefile").read_text()
SAMPLES = {"REPO": "a__b.1", "RUN": "a", "FILE": "a.json", "<repo>": "a__b.1", "<run_id>": "a"}
RUN_BY = {
    "README.md": ".ci/run",
    "CONTRIBUTING.md": ".ci/run",
    "config/README.md": "tests/workflow/test_guides.py",
    "docs/bugs.md": "tests/workflow/test_guides.py",
    "docs/cluster.md": "tests/integration/test_slurm.py",
    "docs/coming_from_swesmith.md": "tests/workflow/test_guides.py",
    "docs/extending.md": "tests/workflow/test_guides.py",
    "docs/issues.md": "tests/workflow/test_guides.py",
    "docs/logs.md": "tests/workflow/test_guides.py",
    "docs/own_agent.md": "tests/workflow/test_guides.py",
    "docs/prompts.md": "tests/workflow/test_guides.py",
    "docs/proxies.md": "tests/integration/test_behind_a_proxy.py",
    "docs/reference/scripts.md": "tests/guide_runs.py",
    "docs/repositories.md": "tests/integration/test_repository_guide.py",
    "docs/resuming.md": "tests/workflow/test_guides.py",
    "docs/results/agents.md": "tests/workflow/test_benchmarks.py",
    "docs/results/conversion.md": "tests/workflow/test_benchmarks.py",
    "docs/results/faults.md": "tests/workflow/test_benchmarks.py",
    "docs/results/training.md": "tests/workflow/test_model_evaluation.py",
    "docs/results/validation.md": "tests/workflow/test_benchmarks.py",
    "docs/scaling.md": "tests/workflow/test_benchmarks.py",
    "docs/sft.md": "tests/workflow/test_guides.py",
    "docs/sweagent.md": "benchmarks/sweagent.py",
    "docs/training.md": "tests/workflow/test_model_evaluation.py",
    "docs/tutorial.md": "tests/workflow/test_guides.py",
    "docs/validation.md": "tests/workflow/test_guides.py",
    "docs/workspaces.md": "tests/workflow/test_guides.py",
}
"""Where the commands of each guide are run, in CI but for those of SWE-agent; a guide that is new has to be added."""
ANY_TARGET = {"TARGET", "…"}


@cache
def parser_of(script: Path) -> cli.Parser:
    """Return the parser of a script, which takes any text where files or numbers are wanted."""
    parser = commands.parser_of(script)
    for action in parser._actions:
        action.type = None
    return parser


def refuse_what_does_not_parse(parser: cli.Parser, words: list[str], where: str) -> cli.Arguments:
    """Parse a command line; one that does not parse fails the test, with the parser's own words."""

    def _fail(message: str) -> None:
        raise AssertionError(f"{where}: {parser.prog}: {message}")

    parser.error = _fail  # type: ignore[method-assign, assignment]
    return parser.parse_args(words)


def check_script(words: list[str], where: str) -> None:
    script = ROOT / words[0]
    assert script.is_file(), f"{where}: no {words[0]}"
    if words[1:] != ["--help"]:
        refuse_what_does_not_parse(parser_of(script), words[1:], where)


def check_python(words: list[str], where: str) -> None:
    if words[1] in ("-m", "-c"):
        importlib.import_module(words[2] if words[1] == "-m" else "sys")
    else:
        check_script(words[1:], where)


def check_make(words: list[str], where: str) -> None:
    known = re.findall(r"(?m)^(\w+) [?]=", MAKEFILE)
    for word in words[1:]:
        name, is_variable, _ = word.partition("=")
        if is_variable:
            assert name in known, f"{where}: make knows no variable {name}"
        else:
            assert re.search(rf"(?m)^{re.escape(word)}:.* ## ", MAKEFILE), f"{where}: make has no target {word}"


def targets() -> list[re.Pattern[str]]:
    """Return a pattern for each output of a rule, with the constraints of its wildcards."""
    common = (ROOT / "rules" / "common.smk").read_text()
    wanted = dict(re.findall(r'(?m)^    (\w+)=r"(.*)",$', common.split("wildcard_constraints:")[1].split("\n\n")[0]))
    outputs = [
        text
        for path in sorted((ROOT / "rules").glob("*.smk"))
        for rule in rules.read(path.read_text())
        for _, value in rule.parts.get("output", [])
        for text in rules.TEXT.findall(value)
    ]
    return [
        re.compile(
            "".join(f"(?:{wanted.get(part[1:-1], '.+')})" if part[:1] == "{" else re.escape(part) for part in parts)
        )
        for parts in (re.split(r"(\{\w+\})", text) for text in outputs)
    ]


TARGETS = targets()


@cache
def snakemake_parser() -> cli.Parser:
    """Return Snakemake's own parser."""
    parser: cli.Parser = get_argument_parser()
    return parser


def check_snakemake(words: list[str], where: str) -> None:
    found = refuse_what_does_not_parse(snakemake_parser(), [word for word in words[1:] if word != "…"], where)
    for name in found.configfile or []:
        assert str(name).endswith((".yaml", ".yml")), f"{where}: {name} is read as a configuration file"
    if found.workflow_profile:
        assert (ROOT / found.workflow_profile / "config.yaml").is_file(), where
    for target in found.targets - ANY_TARGET if isinstance(found.targets, set) else set(found.targets) - ANY_TARGET:
        sample = target
        for name, value in SAMPLES.items():
            sample = sample.replace(name, value)
        assert any(pattern.fullmatch(sample) for pattern in TARGETS), f"{where}: no rule makes {target}"


def check_shell_script(words: list[str], where: str) -> None:
    path = ROOT / words[0]
    assert path.is_file(), f"{where}: no {words[0]}"
    if len(words) > 1:
        assert re.search(rf"usage: \$0.*\b{re.escape(words[1])}\b", path.read_text()), f"{where}: {words[1]}"


def check_activation(words: list[str], where: str) -> None:
    assert words[1:] == [".venv/bin/activate"], where


PROGRAMS: list[tuple[str, Callable[[list[str], str], None]]] = [
    (r"make", check_make),
    (r"snakemake", check_snakemake),
    (r"(?:\.venv/bin/)?python3?", check_python),
    (r"(?:scripts|benchmarks)/\w+\.py", check_script),
    (r"bash", lambda words, where: check_shell_script(words[1:], where)),
    (r"tests/integration/\w+\.sh", check_shell_script),
    (r"\.", check_activation),
]


def check(words: list[str], where: str) -> None:
    """Check one command; a program that nobody has named here fails."""
    if words[0] == "srun":
        return check(list(dropwhile(lambda word: word.startswith("-"), words[1:])), where)
    for pattern, of_program in PROGRAMS:
        if re.fullmatch(pattern, words[0]):
            return of_program(words, where)
    is_made = re.fullmatch(r"(?:\w+|\.venv)/bin/pip", words[0])
    assert words[0] in OTHERS or is_made, f"{where}: {words[0]}: no check knows this program"
    return None


def of_language(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def test_every_block_has_a_language_that_is_checked() -> None:
    assert [str(block) for block in BLOCKS if block.language not in guides.LANGUAGES] == []
    assert len(of_language("sh")) > 40
    assert {block.guide.name for block in of_language("sh")} >= {
        "README.md",
        "CONTRIBUTING.md",
        "bugs.md",
        "scripts.md",
    }


def test_no_block_stands_where_it_would_not_be_seen() -> None:
    for guide in guides.GUIDES:
        text = guide.read_text()
        assert text.count("```") == 2 * len(guides.FENCED.findall(text)), f"{guide}: a fence that is not read"
        inside = [item for item in guides.ITEM.findall(text) if re.search(r"(?m)^ {6}", item)]
        assert inside == [], f"{guide}: a block within a list; put it into a fence"


@pytest.fixture(autouse=True)
def _benchmarks_find_their_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def test_every_guide_with_commands_has_its_place_where_they_are_run() -> None:
    assert {block.guide.relative_to(ROOT).as_posix() for block in of_language("sh")} == RUN_BY.keys()
    for guide, place in RUN_BY.items():
        text = (ROOT / place).read_text()
        assert Path(guide).name in text or place in (".ci/run", "tests/workflow/test_benchmarks.py"), guide


def test_every_command_of_a_guide_calls_what_is_there_with_flags_that_it_knows() -> None:
    for block in of_language("sh"):
        for words in guides.commands(block.text):
            check(words, str(block))


def test_every_command_within_a_text_names_what_is_there_with_flags_that_it_knows() -> None:
    found = list(guides.inline())
    assert found
    for block in found:
        for words in guides.commands(block.text):
            if words[0] in ("make", "snakemake"):
                check(words, str(block))
                continue
            script = words[words[0] == "python"]
            known = parser_of(ROOT / script)._option_string_actions
            unknown = [word for word in words if word.startswith("--") and word not in known]
            assert unknown == [], str(block)


def test_blocks_that_are_no_commands_hold_none() -> None:
    for block in of_language("text", "json", "mermaid"):
        for line in block.text.splitlines():
            assert not re.match(r"\s*(?:\$ |sudo |make |snakemake |python3? |scripts/\w+\.py)", line), str(block)


def test_every_configuration_of_a_guide_fits_the_schema() -> None:
    found = of_language("yaml")
    assert len(found) > 8
    of_config, ours = schemas.read_schema("config"), yaml.safe_load((ROOT / "config.yaml").read_text())
    for block in found:
        value = yaml.safe_load(block.text)
        if set(value) <= set(of_config["properties"]["defaults"]["properties"]):  # as they stand below `defaults`
            value = {"defaults": value}
        config: dict[str, Any] = copy.deepcopy(ours)
        update_config(config, value)
        schemas.check(config, of_config, str(block))
        for name in re.findall(r"configs/[\w./-]+\w", block.text):
            assert (ROOT / name).exists(), f"{block}: no {name}"


def test_every_name_that_python_of_a_guide_imports_is_there() -> None:
    found = of_language("python")
    assert found
    for block in found:
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module or "")
                assert all(hasattr(module, name.name) for name in node.names), str(block)


def test_the_reference_is_that_of_the_sources() -> None:
    for name, text in writing.pages().items():
        assert (ROOT / "docs" / "reference" / name).read_text() == text, f"{name} is out of date: make reference"


def test_the_reference_has_every_rule_script_and_key() -> None:
    pages = writing.pages()
    sources = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    described = re.findall(r"(?m)^### (\w+)$", pages["rules.md"])
    assert sorted(described) == sorted(re.findall(r"(?m)^(?:rule|checkpoint) (\w+):", sources))
    scripts = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))
    assert re.findall(r"(?m)^## (\w+)$", pages["scripts.md"]) == scripts
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for section, values in {**config["defaults"], "sandbox": config["sandbox"], "llm": config["llm"]}.items():
        described = pages["configuration.md"].split(f"\n## {section}\n")[1].split("\n## ")[0]
        assert [key for key in values if f"| `{key}` |" not in described] == []


def test_the_tutorial_is_planned_and_the_picture_of_the_rules_is_that_of_the_workflow(tmp_path: Path) -> None:
    """One call for both, for a call takes seconds: the tutorial goes through rules of the picture alone."""
    tutorial = [block for block in BLOCKS if block.guide.name == "tutorial.md"]
    (tmp_path / "zod.yaml").write_text(next(block.text for block in tutorial if block.language == "yaml"))
    planned = [words for block in tutorial for words in guides.commands(block.text) if words[0] == "snakemake"]
    targets = [word for words in planned for word in words if "/" in word]
    pictured = re.search(r"(?m)^PICTURED := ((?:.*\\\n)*.*)$", MAKEFILE)
    assert len(targets) > 4
    assert pictured
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--configfile", "zod.yaml"]
    command += ["--workflow-profile", "none", "--rulegraph", "mermaid-js", "--", *targets]
    command += pictured[1].replace("\\\n", " ").split()
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = pictures.BLOCK.search((ROOT / "README.md").read_text())
    assert found
    assert found[0] == pictures.mermaid(pictures.arrows(done.stdout)), "the picture is out of date: make reference"


def test_the_site_builds_without_a_broken_link(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "reference" / "rules.html").is_file()


@pytest.mark.parametrize("guide", guides.OUTSIDE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_of_the_guides_outside_of_the_site_lead_to_files(guide: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", guides.FENCED.sub("", guide.read_text()))
    assert [link for link in links if not (guide.parent / link).exists()] == []


def test_the_badges_say_what_is_wanted() -> None:
    text = (ROOT / "README.md").read_text()
    snakemake = re.search(r'min_version\("([\d.]+)"\)', (ROOT / "Snakefile").read_text())
    python = re.search(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert snakemake and f"snakemake-≥{snakemake[1]}-" in text
    assert python and f"python-≥{python[1]}-" in text
