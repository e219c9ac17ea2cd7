"""The configuration: checked before anything is planned, one line a mistake, no value shown."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.utils import update_config

from tracesmith import configuration, schemas
from tracesmith.configuration import ROOT, Configuration, find_file
from tracesmith.environments import profiles
from tracesmith.errors import InputError

OWN = yaml.safe_load((ROOT / "config.yaml").read_text())
PLANTED = "sk-secret-0123456789"
CSS = "npm__css-what.v8.0.0"


def changed(keys: str, value: Any) -> dict[str, Any]:
    """Return config.yaml with one key, written a/b/c, set."""
    config = copy.deepcopy(OWN)
    *parents, last = keys.split("/")
    place = config
    for key in parents:
        place = place.setdefault(key, {})
    place[last] = value
    return config


def refusal(config: dict[str, Any]) -> str:
    with pytest.raises(InputError) as raised:
        Configuration(config, {})
    return str(raised.value)


def test_our_own_configuration_is_taken() -> None:
    configuration = Configuration(OWN, {})
    assert CSS in configuration.repos
    assert configuration.runs["demo"].repo is configuration.repo(CSS)
    assert configuration.user == "local"


@pytest.mark.parametrize(
    ("keys", "value", "key"),
    [
        ("users", PLANTED, "users"),
        ("sandbox/passwort", PLANTED, "sandbox.passwort"),
        ("repos/css-what/validation/worker", PLANTED, "repos.css-what.validation.worker"),
        ("runs/demo/model", PLANTED, "runs.demo.model"),
        ("defaults/agent/key", PLANTED, "defaults.agent.key"),
        ("user", [PLANTED], "user"),
        ("user", f"{PLANTED} x", "user"),
        ("sandbox/backend", PLANTED, "sandbox.backend"),
        ("sandbox/memory", PLANTED, "sandbox.memory"),
        ("sandbox/network", PLANTED, "sandbox.network"),
        ("sandbox/pids", 1, "sandbox.pids"),
        ("defaults/gate/runs", 0, "defaults.gate.runs"),
        ("defaults/gate/passing", 1.5, "defaults.gate.passing"),
        ("repos/css-what/gate/flaky", PLANTED, "repos.css-what.gate.flaky"),
        ("organisation/github", f"a/{PLANTED}", "organisation.github"),
        ("organisation/github_owner_type", PLANTED, "organisation.github_owner_type"),
        ("mirror/backend", PLANTED, "mirror.backend"),
        ("mirror/private", PLANTED, "mirror.private"),
        ("mirror/push_images", PLANTED, "mirror.push_images"),
        ("mirror/push_images", True, "organisation.dockerhub"),
        ("organisation/dockerhub", f"{PLANTED}/me", "organisation.dockerhub"),
        ("organisation/dockerhub", f"me:{PLANTED}@host.example/me", "organisation.dockerhub"),
        ("organisation/dockerhub", f"https://host.example/{PLANTED}", "organisation.dockerhub"),
        ("mirror/token", PLANTED, "mirror.token"),
        ("mirror/git_url", f"https://me:{PLANTED}@host", "mirror.git_url"),
        ("mirror/api_url", f"https://host?token={PLANTED}", "mirror.api_url"),
        ("mirror/backend", "github", "organisation.github"),
        ("defaults/validation/workers", 0, "defaults.validation.workers"),
        ("defaults/validation/workers", "four", "defaults.validation.workers"),
        ("defaults/validation/timeout_s", float("nan"), "defaults.validation.timeout_s"),
        ("user", "a\n", "user"),
        ("sandbox/memory", "0g", "sandbox.memory"),
        ("defaults/validation/timeout_s", -1, "defaults.validation.timeout_s"),
        ("defaults/bug_generation/max_bugs", None, "defaults.bug_generation.max_bugs"),
        ("defaults/bug_generation/method", PLANTED, "defaults.bug_generation.method"),
        ("repos/css-what", PLANTED, "repos.css-what"),
        ("repos/css-what/profile", PLANTED, "repos.css-what.profile"),
        ("repos/css-what/profile", None, "repos.css-what.profile"),
        ("repos/css-what/dataset", "", "repos.css-what.dataset"),
        ("repos", {}, "repos"),
        ("runs/demo/repo", PLANTED, "runs.demo.repo"),
        ("runs/demo/sft", {"style": PLANTED}, "runs.demo.sft.style"),
        ("runs/demo/agent", {"engine": PLANTED}, "runs.demo.agent.engine"),
        ("runs/demo/agent", None, "runs.demo.agent"),
        ("runs/x.resolved_only", {"repo": "css-what"}, "runs.x.resolved_only"),
        ("runs/..", {"repo": "css-what"}, "runs..."),
        ("runs/-x", {"repo": "css-what"}, "runs.-x"),
        ("runs/a b", {"repo": "css-what"}, "runs.a b"),
        ("runs", {7: {"repo": "css-what"}}, "runs.7"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key_and_not_the_value(keys: str, value: Any, key: str) -> None:
    text = refusal(changed(keys, value))
    assert text.startswith("config: ")
    assert f"key {key}" in text
    assert "\n" not in text
    assert PLANTED not in text


@pytest.mark.parametrize("key", ["user", "sandbox", "organisation", "mirror", "defaults", "repos", "runs"])
def test_a_missing_section_is_named(key: str) -> None:
    config = {name: value for name, value in OWN.items() if name != key}
    assert refusal(config) == f"config: key {key} is missing"


def test_an_unknown_name_lists_the_known_ones() -> None:
    assert "known: css-what, htmlparser2" in refusal(changed("runs/demo/repo", "zod"))
    assert "CssWhatProfile" in refusal(changed("repos/css-what/profile", "NobodysProfile"))
    configuration = Configuration(OWN, {})
    with pytest.raises(InputError, match="unknown run 'nope'; the configuration has: demo, htmlparser2-oracle"):
        configuration.run("nope")
    with pytest.raises(InputError, match=f"unknown repo 'nope'; the configuration has: {CSS}"):
        configuration.repo("nope")


def test_two_repos_of_one_source_are_refused() -> None:
    assert "the same source" in refusal(changed("repos/again", {"profile": "CssWhatProfile"}))


def test_a_profile_may_be_a_file(tmp_path: Path) -> None:
    text = (ROOT / "configs" / "repos" / "css-what.yaml").read_text().replace("css-what@8.0.0", "@fb55/css@1.2.3")
    (tmp_path / "mine.yaml").write_text(text)
    configuration = Configuration(changed("repos/mine", {"profile": str(tmp_path / "mine.yaml")}), {})
    assert configuration.repo("fb55__css.v1.2.3").profile_path == tmp_path / "mine.yaml"
    assert "none.yaml: no such file" in refusal(changed("repos/mine", {"profile": str(tmp_path / "none.yaml")}))


def test_a_repository_overrides_the_defaults_key_by_key() -> None:
    config = changed("repos/css-what/validation", {"workers": 9})
    config["defaults"]["validation"]["timeout_s"] = 77
    settings = Configuration(config, {}).repo(CSS).settings
    assert (settings["validation"]["workers"], settings["validation"]["timeout_s"]) == (9, 77)
    assert settings["bug_generation"]["seed"] == OWN["defaults"]["bug_generation"]["seed"]
    assert settings["sandbox"] == {**OWN["sandbox"], "backend": "bubblewrap"}
    assert config["defaults"]["validation"]["workers"] == OWN["defaults"]["validation"]["workers"]


def test_what_a_profile_needs_comes_before_the_defaults_and_behind_the_repository(tmp_path: Path) -> None:
    text = (ROOT / "configs" / "repos" / "css-what.yaml").read_text().replace("css-what@8.0.0", "other@1.2.3")
    (tmp_path / "mine.yaml").write_text(text + "\nsandbox: {memory: 3g, timeout_s: 77}\n")
    config = changed("repos/mine", {"profile": str(tmp_path / "mine.yaml"), "sandbox": {"timeout_s": 55}})
    settings = Configuration(config, {}).repo("npm__other.v1.2.3").settings
    assert settings["sandbox"] == {**OWN["sandbox"], "memory": "3g", "timeout_s": 55}
    assert settings["gate"] == OWN["defaults"]["gate"]


def test_what_a_made_profile_says_after_an_edit_counts_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = changed("repos/mine", {"profile": "auto", "source": "npm:other@1.2.3", "sandbox": {"timeout_s": 55}})
    assert Configuration(config, {}).repo("npm__other.v1.2.3").settings["sandbox"]["memory"] == OWN["sandbox"]["memory"]
    made = tmp_path / "logs" / "profiles" / "npm__other.v1.2.3.yaml"
    made.parent.mkdir(parents=True)
    text = (ROOT / "configs" / "repos" / "css-what.yaml").read_text()
    made.write_text(text + "\nsandbox: {memory: 3g, timeout_s: 77}\n")
    settings = Configuration(config, {}).repo("npm__other.v1.2.3").settings
    assert settings["sandbox"] == {**OWN["sandbox"], "memory": "3g", "timeout_s": 55}
    made.write_text(text.replace("node:", "nodes:"))
    assert "npm__other.v1.2.3.yaml: " in refusal(config)


def test_a_run_overrides_the_defaults_key_by_key() -> None:
    config = changed("runs/demo/evaluation", {"timeout_s": 5})
    runs = Configuration(config, {}).runs
    assert runs["demo"].settings["evaluation"] == {**OWN["defaults"]["evaluation"], "timeout_s": 5}
    assert runs["htmlparser2-oracle"].settings["evaluation"] == OWN["defaults"]["evaluation"]
    assert (runs["demo"].settings["trajectories"], runs["demo"].settings["predictions"]) == (None, None)


@pytest.mark.parametrize("written", ["null", None])
def test_the_engine_null_may_be_written_with_and_without_quotes(written: str | None) -> None:
    run = Configuration(changed("runs/demo/agent", {"engine": written}), {}).run("demo")
    assert run.settings["agent"]["engine"] == "null"


@pytest.mark.parametrize("run_id", ["glm-4.6", "a.b.c", "x_1", "resolved_only", "1"])
def test_a_run_id_may_hold_dots(run_id: str) -> None:
    assert run_id in Configuration(changed(f"runs/{run_id}", {"repo": "css-what"}), {}).runs


@pytest.mark.parametrize(
    ("github", "environment", "expected"),
    [
        (None, {}, ("swesmith", "swebench")),
        (None, {"SWESMITH_ORG_GH": "gh", "SWESMITH_ORG_DH": "dh"}, ("gh", "dh")),
        (None, {"SWESMITH_ORG_GH": "", "SWESMITH_ORG_DH": ""}, ("swesmith", "swebench")),
        ("mine", {"SWESMITH_ORG_GH": "gh", "SWESMITH_ORG_DH": "dh"}, ("mine", "mine")),
    ],
)
def test_owners_come_from_the_configuration_then_the_environment_then_swesmith(
    github: str | None, environment: dict[str, str], expected: tuple[str, str]
) -> None:
    configuration = Configuration(changed("organisation", {"github": github, "dockerhub": github}), environment)
    assert (configuration.github, configuration.dockerhub) == expected


@pytest.mark.parametrize("owner", ["localhost:5000/me", "ghcr.io/me", "127.0.0.1:5000/me", "host:5000/a/b", "me"])
def test_images_may_have_a_registry_before_their_owner(owner: str) -> None:
    assert Configuration(changed("organisation/dockerhub", owner), {}).dockerhub == owner
    assert Configuration(OWN, {"SWESMITH_ORG_DH": owner}).dockerhub == owner


@pytest.mark.parametrize("owner", ["nohost/me", "me/", "/me", "a b", "-:5000/me x", "https://x.y/me"])
def test_an_owner_of_images_that_is_none_is_refused(owner: str) -> None:
    with pytest.raises(InputError, match="SWESMITH_ORG_DH"):
        Configuration(OWN, {"SWESMITH_ORG_DH": owner})


def test_images_are_pushed_of_the_repositories_that_have_a_run_and_one() -> None:
    config = changed("mirror/push_images", True)
    config["organisation"]["dockerhub"] = "me"
    assert Configuration(config, {}).repos_with_image() == ["npm__htmlparser2.v10.0.0"]


def test_an_image_has_swerex_when_a_run_of_its_repository_needs_it() -> None:
    configuration = Configuration(OWN, {})
    assert not configuration.needs_swerex(configuration.repo(CSS))
    configuration.runs["demo"].settings["agent"]["engine"] = "sweagent"
    assert configuration.needs_swerex(configuration.repo(CSS))
    assert not configuration.needs_swerex(configuration.runs["htmlparser2-oracle"].repo)


@pytest.mark.parametrize(
    ("kind", "environment", "expected"),
    [
        (None, {}, "user"),
        (None, {"SWESMITH_GH_OWNER_TYPE": ""}, "user"),
        (None, {"SWESMITH_GH_OWNER_TYPE": "org"}, "org"),
        ("user", {"SWESMITH_GH_OWNER_TYPE": "org"}, "user"),
    ],
)
def test_the_owners_type_comes_from_the_configuration_then_the_environment(
    kind: str | None, environment: dict[str, str], expected: str
) -> None:
    configuration = Configuration(changed("organisation/github_owner_type", kind), environment)
    assert configuration.mirror["owner_type"] == expected


def test_an_owner_type_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="SWESMITH_GH_OWNER_TYPE: wanted is one of user, org"):
        Configuration(OWN, {"SWESMITH_GH_OWNER_TYPE": PLANTED})


def test_mirrors_are_pushed_only_to_an_owner_that_was_named() -> None:
    config = changed("mirror/backend", "github")
    assert Configuration(config, {"SWESMITH_ORG_GH": "me"}).mirror["owner"] == "me"
    config["organisation"]["github"] = "mine"
    assert Configuration(config, {"SWESMITH_ORG_GH": "me"}).mirror["owner"] == "mine"


def test_a_file_of_the_user_comes_before_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "configs/agent/oracle.yaml"
    assert Path(find_file(name)).resolve() == (ROOT / name).resolve()
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text("mine")
    assert find_file(name) == name
    assert find_file("nowhere.yaml") == "nowhere.yaml"


def properties(schema: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
    """Return every property of a schema, with those of its definitions, items and additional properties."""
    found = []
    for name, child in schema.get("properties", {}).items():
        found += [(f"{path}.{name}", child), *properties(child, f"{path}.{name}")]
    for name, child in schema.get("$defs", {}).items():
        found += [(f"{path}.$defs.{name}", child), *properties(child, f"{path}.$defs.{name}")]
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            found += properties(schema[key], f"{path}.{key}")
    return found


@pytest.mark.parametrize("name", ["config", "profile"])
def test_every_key_of_the_schemas_is_described(name: str) -> None:
    schema = schemas.read_schema(name)
    found = properties(schema, name)
    assert len(found) > 10
    references = [child["$ref"].removeprefix("#/$defs/") for _, child in found if "$ref" in child]
    assert set(references) <= set(schema.get("$defs", {}))
    bare = [path for path, child in found if "$ref" not in child and not child.get("description", "").strip()]
    assert bare == []


def test_every_default_has_a_description_and_every_description_a_default() -> None:
    schema = schemas.read_schema("config")
    for section, values in OWN["defaults"].items():
        assert set(values) == set(schema["$defs"][section]["properties"]), section
    assert set(OWN["sandbox"]) == set(schema["$defs"]["sandbox"]["properties"])
    assert set(OWN) == set(schema["properties"])
    assert set(OWN["mirror"]) == set(schema["properties"]["mirror"]["properties"])
    assert set(OWN["organisation"]) == set(schema["properties"]["organisation"]["properties"])


def test_every_profile_of_ours_is_taken() -> None:
    known = profiles.known()
    assert {"CssWhatProfile", "Htmlparser2Profile"} <= set(known)
    for name, path in known.items():
        assert profiles.read(path).name == name


def test_files_are_merged_over_ours_as_snakemake_does(tmp_path: Path) -> None:
    overs: list[dict[str, Any]] = [
        {"sandbox": {"cpus": 3}, "repos": {"css-what": {"sandbox": {"backend": "docker"}}}},
        {"sandbox": {"pids": 99}, "repos": {"css-what": {"bug_generation": {"max_bugs": 7}}}, "user": "me"},
    ]
    paths = [tmp_path / f"{number}.yaml" for number in range(len(overs))]
    merged = copy.deepcopy(OWN)
    for path, over in zip(paths, overs, strict=True):
        path.write_text(yaml.safe_dump(over))
        update_config(merged, over)
    found, wanted = configuration.read(paths, {}), Configuration(merged, {})
    assert found.repo(CSS).settings == wanted.repo(CSS).settings
    assert found.repo(CSS).settings["sandbox"]["pids"] == 99
    assert found.user == "me"


def test_a_file_that_is_no_configuration_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("[1]")
    with pytest.raises(InputError, match=r"list\.yaml: no configuration"):
        configuration.read([path], {})


def test_prompt_files_of_one_name_are_refused_where_both_make_bugs(tmp_path: Path) -> None:
    paths = {method: str(tmp_path / f"{method}.yml") for method in ("llm-modify", "llm-rewrite")}
    for path in paths.values():
        Path(path).write_text("name: mine\nsystem: s\ninstance: i\n")
    config = changed("repos/css-what/bug_generation", {"method": "all", "llm_model": "m", "llm_config": paths})
    assert "llm-rewrite.yml: key name: " in (said := refusal(config))
    assert "llm-modify.yml has the same name 'mine'" in said
    Path(paths["llm-rewrite"]).write_text("name: other\nsystem: s\ninstance: i\n")
    Configuration(config, {})
