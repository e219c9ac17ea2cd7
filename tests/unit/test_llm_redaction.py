"""Redaction: known secrets go by their value, and messages lose what looks like a key."""

import logging

import pytest

from tracesmith.llm import redaction
from tracesmith.llm.library import litellm
from tracesmith.llm.redaction import Redactor


@pytest.mark.parametrize(
    "name",
    ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ZAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "MY_KEY"],
)
def test_secrets_of_the_environment_are_known_by_their_variables(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "very+secret/value")
    redactor = redaction.of_environment()
    assert redactor.text("is very+secret/value, very%2Bsecret%2Fvalue.") == "is [redacted], [redacted]."


@pytest.mark.parametrize(
    ("name", "value"),
    [("PATH", "very+secret"), ("MAX_TOKEN", "100000000"), ("MY_KEY", "/home/me/key.pem"), ("MY_API_KEY", "short")],
)
def test_what_is_no_secret_stays(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert redaction.of_environment().text(f"is {value}.") == f"is {value}."


def test_keys_in_rotation_are_known_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_API_KEY_ROTATION", "first-key-123:::second-key-456")
    assert redaction.of_environment().text("second-key-456") == "[redacted]"


def test_values_are_redacted_to_the_bottom_and_otherwise_kept() -> None:
    value = {"a": [1, None, True, "x secret-secret"], "secret-secret": {"b": 1.5}}
    expected = {"a": [1, None, True, "x [redacted]"], "[redacted]": {"b": 1.5}}
    assert Redactor(["secret-secret"]).value(value) == expected


def test_a_secret_that_contains_another_leaves_no_rest() -> None:
    assert Redactor(["abcdefgh", "abcdefgh-ijkl"]).text("abcdefgh-ijkl abcdefgh") == "[redacted] [redacted]"


@pytest.mark.parametrize("said", ["sk-ant-api03-AbCd_0123456789", "Authorization: Bearer abcdefgh.ijkl"])
def test_messages_lose_what_looks_like_a_key_and_answers_do_not(said: str) -> None:
    assert "[redacted]" in Redactor([]).message(f"wrong key {said}!")
    assert Redactor([]).text(said) == said


def test_loggers_of_libraries_say_no_key(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "very-secret-value")
    litellm()
    try:
        raise ValueError("very-secret-value")
    except ValueError:
        logging.getLogger("LiteLLM").exception("with %s", "very-secret-value")
    logging.getLogger("httpx").info("every request")
    assert "with [redacted]" in caplog.text
    assert "very-secret-value" not in caplog.text
    assert "every request" not in caplog.text
