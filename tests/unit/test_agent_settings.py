"""Configurations of agents: our own are whole and agree with each other, wrong ones are refused by file and key."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tracesmith import models
from tracesmith.agents import registry, settings
from tracesmith.agents.engines import Limits
from tracesmith.errors import InputError

CONFIGS = Path(__file__).parents[2] / "configs" / "agent"
OF_MINI = sorted(path.name for path in CONFIGS.glob("mini*.yaml"))
INSTANCE: Any = {"instance_id": "x", "problem_statement": "It is broken."}


@pytest.mark.parametrize("name", ["oracle.yaml", *OF_MINI])
def test_our_configurations_tell_of_a_typescript_repository(name: str) -> None:
    found = settings.read(CONFIGS / name)
    assert "TypeScript" in found.system
    assert "It is broken." in found.task(INSTANCE)
    assert "ython" not in found.system + found.instance


@pytest.mark.parametrize("name", OF_MINI)
def test_mini_is_told_of_its_one_tool_and_how_to_hand_in(name: str) -> None:
    found = settings.read(CONFIGS / name)
    settings.check_tools(found, ("bash",), "mini", CONFIGS / name)
    assert "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT" in found.system
    assert "str_replace_editor" not in found.system
    assert found.limits.calls == 75
    assert found.calls == ("xml" if name == "mini_xml.yaml" else "tools")


def test_a_trained_model_is_told_what_its_rows_say() -> None:
    texts = [yaml.safe_load((CONFIGS / name).read_text())["system"] for name in ("mini_xml.yaml", "xml_bash.yaml")]
    assert texts[0] == texts[1]


def test_every_engine_has_a_configuration() -> None:
    assert set(models.AGENTS) == set(registry.ENGINES)
    assert set(models.ASKING) <= set(registry.ENGINES)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"system": ""}, "key system"),
        ({"sistem": "x"}, "unknown key sistem"),
        ({"limits": {"calls": 0}}, "key limits.calls: wanted is at least 1"),
        ({"calls": "json"}, "key calls: wanted is one of tools, xml"),
        ({"observation": "{% if %}"}, "key observation: not a Jinja2 template"),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text(yaml.safe_dump({"system": "x", "instance": "y", **change}))
    with pytest.raises(InputError, match=f"agent.yaml: .*{said}"):
        settings.read(path)


def test_a_template_that_names_a_field_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text("system: x\ninstance: '{{ issue }}'\nlimits: {steps: 3}\n")
    found = settings.read(path)
    assert found.limits == Limits(steps=3)
    with pytest.raises(InputError, match="x: the prompt's key 'instance' cannot be filled: 'issue' is undefined"):
        found.task(INSTANCE)
