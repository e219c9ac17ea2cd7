"""Copies of final files in a store of the kind of S3: moto's server, on this machine."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto.server import ThreadedMotoServer

import guide_runs
import workflows
from tracesmith import configuration, publishing
from tracesmith.errors import InputError
from tracesmith.preflight import keys
from tracesmith.preflight.plan import OK, Plan

RUN = "tiny-oracle"
ROWS = f"trajectories_sft/{RUN}.resolved_only.xml.jsonl"
RECEIPT = f"logs/published/{ROWS}.json"
KEYS = {"AWS_ACCESS_KEY_ID": "planted-id-0123456789", "AWS_SECRET_ACCESS_KEY": "planted-secret-0123456789"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server of the kind of S3, with a bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def store(endpoint: str) -> Any:
    """A client of the server, which has no bucket."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="me",
        aws_secret_access_key="mine",  # noqa: S106 - the server takes any
    )
    for bucket in client.list_buckets()["Buckets"]:
        for found in client.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            client.delete_object(Bucket=bucket["Name"], Key=found["Key"])
        client.delete_bucket(Bucket=bucket["Name"])
    return client


@pytest.fixture
def folder(tmp_path: Path, endpoint: str) -> Path:
    """A folder with the rows of a run, which nothing needs to make again, and a store."""
    workflows.make_folder(tmp_path)
    storage = {"s3": "s3://bucket/mine", "endpoint_url": endpoint}
    workflows.write_config(tmp_path, workflows.read_config(tmp_path) | {"storage": storage})
    (tmp_path / ROWS).parent.mkdir()
    (tmp_path / ROWS).write_text("{}\n")
    return tmp_path


def publish(folder: Path, *arguments: str) -> str:
    """Copy the rows, and return what was said."""
    done = workflows.snakemake(folder, RECEIPT, *arguments, "--allowed-rules", "publish_file", **KEYS)
    assert done.returncode == 0, done.stdout
    return done.stdout


def contents(store: Any) -> dict[str, Any]:
    found = store.list_objects_v2(Bucket="bucket").get("Contents", [])
    return {one["Key"]: one["LastModified"] for one in found}


def test_a_file_is_copied_once_and_again_when_it_is_another(folder: Path, store: Any) -> None:
    store.create_bucket(Bucket="bucket")
    publish(folder)
    first = contents(store)
    assert first.keys() == {f"mine/{ROWS}", "mine/.tracesmith"}
    receipt = json.loads((folder / RECEIPT).read_text())
    assert (receipt["url"], receipt["bytes"]) == (f"s3://bucket/mine/{ROWS}", 3)
    assert "Nothing to be done" in publish(folder, "-n")
    assert contents(store) == first
    (folder / ROWS).write_text("{} \n")
    said = publish(folder, "-p")
    assert store.get_object(Bucket="bucket", Key=f"mine/{ROWS}")["Body"].read() == b"{} \n"
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()) + said.encode()
    assert not [name for name, value in KEYS.items() if value.encode() in written]


@pytest.mark.parametrize(
    ("found", "change", "said"),
    [
        (KEYS, {"s3": "s3://other"}, "s3://other: there is no such bucket; make it first"),
        (
            KEYS,
            {"endpoint_url": "http://127.0.0.1:9"},
            's3://bucket/mine: Could not connect to the endpoint URL: "http',
        ),
        ({}, {}, "no credentials: export AWS_ACCESS_KEY_ID or AWS_PROFILE"),
        (KEYS, {"endpoint_url": "http://a:b"}, "s3://bucket/mine: Custom endpoint `http://a:b` was not a valid URI"),
    ],
)
def test_a_store_that_cannot_be_had_is_named(
    store: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch, found: dict[str, str], change: dict[str, str], said: str
) -> None:
    store.create_bucket(Bucket="bucket")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    storage = {"s3": "s3://bucket/mine", "endpoint_url": endpoint, "region": "us-east-1"}
    publishing.check_bucket(storage)
    for name in KEYS.keys() - found.keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/none")
    with pytest.raises(InputError, match=re.escape(f"config: key storage.s3: {said}")):
        publishing.check_bucket(storage | change)


def test_the_doctor_looks_for_the_bucket(folder: Path, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    read = configuration.read([Path("config.yaml")], KEYS)
    plan = Plan(read, {}, KEYS, deep=True)
    with pytest.raises(InputError, match="there is no such bucket"):
        list(keys.check_store(plan))
    store.create_bucket(Bucket="bucket")
    assert [finding.status for finding in keys.check_store(plan)] == [OK]


def test_everything_is_refused_at_once_where_the_store_cannot_be_had(folder: Path, store: Any) -> None:
    done = workflows.snakemake(folder, "-n", **KEYS)
    assert done.returncode == 1
    assert "error: config: key storage.s3: s3://bucket/mine: there is no such bucket; make it first" in done.stdout
    assert "Traceback" not in done.stdout
    assert store.list_buckets()["Buckets"] == []


@pytest.mark.sandbox
@pytest.mark.network
def test_the_commands_of_the_guide_and_of_the_reference_work_as_they_stand(
    line: Path, endpoint: str, store: Any
) -> None:
    store.create_bucket(Bucket="bucket")
    storage = {"s3": "s3://bucket/mine", "endpoint_url": endpoint, "region": "us-east-1"}
    ours = yaml.safe_load((workflows.ROOT / "config.yaml").read_text())
    workflows.write_config(line, ours | workflows.read_config(line) | {"storage": storage})
    guide_runs.link_clone(line)
    guide = (workflows.ROOT / "docs" / "cluster.md").read_text()
    commands = re.findall(r"(?m)^    (snakemake --cores 20.*)$", guide)
    assert len(commands) == 2
    for command in commands:
        guide_runs.run(line, command, {"RUN": RUN, "--cores 20": "--cores 2"}, **KEYS)
    rows = (line / ROWS).read_bytes()
    assert store.get_object(Bucket="bucket", Key=f"mine/{ROWS}")["Body"].read() == rows
    page = f"reports/{RUN}.html"
    guide_runs.run_examples(line, ["publish_file"], {"RUN": RUN, "BUCKET": "bucket"})
    receipt = json.loads((line / f"logs/published/{page}.json").read_text())
    assert receipt["url"] == f"s3://bucket/{page}"
