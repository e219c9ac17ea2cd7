"""
Copies of final files in an S3-compatible store, which Snakemake's plugin uploads.

The plugin makes a bucket that is missing, and removes one that it has emptied for an upload: both are kept from
happening.
"""

import importlib.util
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tracesmith import files
from tracesmith.errors import InputError

logger = logging.getLogger(__name__)

PLUGIN = "snakemake_storage_plugin_s3"
KEPT = ".tracesmith"
"""An empty object beside the copies, so that the bucket never is empty."""
WHY = {"404": "there is no such bucket; make it first", "403": "the credentials of the environment do not open it"}


def check_plugin() -> None:
    """Raise InputError when Snakemake's plugin is not installed."""
    if not importlib.util.find_spec(PLUGIN):
        raise InputError("config: key storage.s3: Snakemake's plugin for S3 is not installed; `make storage` adds it")


def check_bucket(storage: Mapping[str, Any]) -> None:
    """Raise InputError when the bucket of the configuration cannot be had with the credentials that boto3 finds."""
    bucket, _ = _place(storage)
    _ask(storage, "head_bucket", Bucket=bucket)


def keep_bucket(storage: Mapping[str, Any]) -> None:
    """Put an empty object beside the copies. Raises InputError when nothing can be written there."""
    bucket, folder = _place(storage)
    _ask(storage, "put_object", Bucket=bucket, Key=f"{folder}{KEPT}", Body=b"")


def copy(source: Path, url: str, target: Path, receipt: Path) -> None:
    """Copy a file, and write where the copy goes, its bytes and its SHA-256."""
    digest = files.digest_file(source)
    with files.atomic_writer(target) as out, source.open("rb") as data:
        shutil.copyfileobj(data, out)
    size = target.stat().st_size
    files.write_json(receipt, {"url": url, "bytes": size, "sha256": digest})
    logger.info("copied %s, %d bytes, for %s", source, size, url)


def _place(storage: Mapping[str, Any]) -> tuple[str, str]:
    """Return the bucket and the folder in it, with a slash behind it."""
    parts = urlsplit(storage["s3"])
    folder = parts.path.strip("/")
    return parts.netloc, f"{folder}/" if folder else ""


def _ask(storage: Mapping[str, Any], call: str, **arguments: Any) -> None:
    """Make a call of S3's. Raises InputError that says why it failed."""
    import boto3  # noqa: PLC0415 - only with `make storage`
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError  # noqa: PLC0415

    once = Config(connect_timeout=10, read_timeout=20, retries={"total_max_attempts": 2})
    try:
        client = boto3.Session().client(
            "s3", endpoint_url=storage["endpoint_url"], region_name=storage["region"], config=once
        )
        getattr(client, call)(**arguments)
    except ClientError as error:
        code = str(error.response["ResponseMetadata"]["HTTPStatusCode"])
        raise InputError(f"config: key storage.s3: {storage['s3']}: {WHY.get(code, error)}") from None
    except NoCredentialsError:
        raise InputError(
            "config: key storage.s3: no credentials: export AWS_ACCESS_KEY_ID or AWS_PROFILE (.env.example says how)"
        ) from None
    except (BotoCoreError, ValueError) as error:
        raise InputError(f"config: key storage.s3: {storage['s3']}: {error}") from None
