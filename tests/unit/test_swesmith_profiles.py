"""Profiles of SWE-smith in our words: what runs the tests, what the image did, and every reason to look at them."""

import textwrap
from typing import Any

import pytest

from tracesmith import schemas
from tracesmith.environments.upstream import image_steps, importing, shell, test_commands
from tracesmith.environments.upstream.registry import UpstreamProfile

CLONE = "RUN git clone https://github.com/swesmith/o__r.0123abcd.git /testbed\nWORKDIR /testbed\n"


def parser(name: str) -> str:
    """Return the source of a log parser as most upstream profiles have it."""
    return f"    def log_parser(self, log: str) -> dict[str, str]:\n        return parse_log_{name}(log)\n"


def upstream(**changes: Any) -> UpstreamProfile:
    """Return a profile that leaves nothing to doubt, but for the changes."""
    fields = {
        "name": "Tool0123abcd",
        "owner": "o",
        "repo": "r",
        "commit": "0123abcd" * 5,
        "test_cmd": "npx vitest run --reporter=verbose",
        "exts": [".ts", ".tsx"],
        "dockerfile": f"FROM node:22-slim\n{CLONE}RUN npm install\n",
        "parser": parser("vitest"),
    }
    return UpstreamProfile(**{**fields, **changes})


def kinds(profile: UpstreamProfile) -> set[str]:
    """Return the kinds of doubts that an import has about a profile."""
    return {doubt.kind for doubt in importing.convert(profile).doubts}


def test_a_clear_profile_is_taken_without_a_doubt() -> None:
    found = importing.convert(upstream())
    assert (found.status, found.doubts, found.file) == ("ok", [], "o__r.0123abcd.yaml")
    assert found.value is not None
    assert found.value["source"] == f"git+https://github.com/o/r@{'0123abcd' * 5}"
    assert found.value["node"] == "22"
    assert found.value["test"]["command"] == ["node_modules/.bin/vitest", "run"]
    schemas.check(found.value, schemas.read_schema("profile"), "it")


@pytest.mark.parametrize(
    ("command", "log_parser", "wanted"),
    [
        ("yarn vitest --run --reporter=verbose", "vitest", ["node_modules/.bin/vitest", "run"]),
        (
            "pnpm exec vitest run -c a.config.ts src/lib",
            "vitest",
            "node_modules/.bin/vitest run -c a.config.ts src/lib",
        ),
        ("npx jest --coverage --no-cache --colors=false", "jest", ["node_modules/.bin/jest"]),
        ("./node_modules/.bin/jest --maxWorkers 2 --forceExit pkg", "jest", "node_modules/.bin/jest --forceExit pkg"),
        (
            "pnpm jest --testPathIgnorePatterns a.ts b.ts",
            "jest",
            "node_modules/.bin/jest --testPathIgnorePatterns a.ts b.ts",
        ),
        ("node --no-warnings $(yarn bin jest) --ci", "jest", "node --no-warnings node_modules/.bin/jest"),
        ("npx mocha -r tsx 'a/**/*.ts' --timeout 9 --exit", "mocha", "node_modules/.bin/mocha -r tsx a/**/*.ts --exit"),
        ("npm run test:vitest -- --project a", "vitest", "node_modules/.bin/vitest run --project a"),
        ("npm test", "jest", ["node_modules/.bin/jest"]),
    ],
)
def test_the_local_runner_is_called_without_what_only_shows(command: str, log_parser: str, wanted: Any) -> None:
    expected = wanted.split() if isinstance(wanted, str) else wanted
    assert test_commands.read(command, parser(log_parser)).command == expected


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"test_cmd": "npx vitest run || true"}, "masked failures"),
        ({"test_cmd": "npx vitest run; true"}, "masked failures"),
        ({"test_cmd": "npx vitest run 2>&1 | tee out.txt"}, "masked failures"),
        ({"test_cmd": "npx vitest run --passWithNoTests"}, "masked failures"),
        ({"test_cmd": "npx vitest run; echo '999 passing (1ms)'"}, "fake counts"),
        ({"test_cmd": "npx vitest run --color"}, "forced colours"),
        ({"test_cmd": "FORCE_COLOR=true npx vitest run"}, "forced colours"),
        ({"test_cmd": "cargo test -- --nocapture"}, "foreign runner"),
        ({"test_cmd": "bun test"}, "foreign runner"),
        ({"test_cmd": "npm test"}, "package script"),
        ({"test_cmd": "pnpm turbo run test"}, "package script"),
        ({"test_cmd": "yarn workspace a vitest"}, "several packages"),
        ({"test_cmd": "pnpm -r test"}, "several packages"),
        ({"test_cmd": "npm run typecheck"}, "no unit tests"),
        ({"test_cmd": "xvfb-run -a npx vitest run"}, "browser"),
        ({"parser": parser("jest")}, "log parser"),
        ({"parser": "    def log_parser(self, log):\n        return {}\n"}, "log parser"),
        ({"test_cmd": "npm run build && npx vitest run"}, "build output"),
        ({"dockerfile": f"FROM node:22\n{CLONE}RUN npm install -g pnpm\nRUN pnpm install\n"}, "manager version"),
        ({"dockerfile": f"FROM node:22\n{CLONE}RUN yarn install\n"}, "manager version"),
        ({"dockerfile": f"FROM oven/bun:1.3.7\n{CLONE}RUN bun install\n"}, "node version"),
        ({"dockerfile": f"FROM node:22\n{CLONE}"}, "image step"),
        ({"dockerfile": f"FROM node:22\n{CLONE}COPY a b\nRUN npm ci\n"}, "image step"),
        ({"dockerfile": f"FROM node:22-alpine\nRUN apk add git make\n{CLONE}RUN npm ci\n"}, "image step"),
        ({"dockerfile": f"FROM node:22\n{CLONE}RUN sed -i /a/d package.json\nRUN npm ci\n"}, "image step"),
        ({"test_cmd": "npx ava"}, "test files"),
        ({"commit": "v1.2.3"}, "unpinned commit"),
    ],
)
def test_what_is_doubtful_is_marked(changes: dict[str, Any], kind: str) -> None:
    assert kind in kinds(upstream(**changes))
    assert importing.convert(upstream(**changes)).status == "review"


@pytest.mark.parametrize(
    "changes",
    [
        {"test_cmd": "yarn test", "parser": parser("jasmine")},
        {"commit": "main"},
        {"name": "0tool"},
    ],
)
def test_what_cannot_be_a_profile_of_ours_is_told_and_not_written(changes: dict[str, Any]) -> None:
    found = importing.convert(upstream(**changes))
    assert (found.status, found.value) == ("unsupported", None)
    assert found.doubts


def test_an_image_becomes_steps_of_a_profile() -> None:
    found = image_steps.read(
        textwrap.dedent(
            """\
            FROM node:20-slim
            RUN apt-get update && apt-get install -y \\
                git \\
                libcairo2-dev && rm -rf /var/lib/apt/lists/*
            RUN corepack enable && corepack prepare pnpm@9.1.4 --activate
            RUN git clone https://github.com/swesmith/o__r.0123abcd.git /testbed
            WORKDIR /testbed
            RUN git submodule update --init --recursive
            RUN pnpm install --no-frozen-lockfile && pnpm store prune
            RUN cd packages/a && pnpm build > log.txt
            RUN A=1 pnpm generate
            ENV PORT=1
            CMD ["/bin/bash"]
            """
        )
    )
    assert found.doubts == []
    assert found.manager.as_profile() == {"name": "pnpm", "version": "9.1.4"}
    assert (found.node, found.environment, found.folder) == ("20", {"PORT": "1"}, ".")
    assert ["libcairo2-dev" in line and " git" not in line for line in found.dockerfile] == [True]
    assert found.install == [["pnpm", "install", "--no-frozen-lockfile", "--ignore-scripts"]]
    assert found.build == [["sh", "-c", "cd packages/a && pnpm build > log.txt"], ["env", "A=1", "pnpm", "generate"]]


@pytest.mark.parametrize(
    "line", ["npm install", "npm ci", "pnpm install --frozen-lockfile", "yarn install --network-timeout 600000"]
)
def test_a_plain_installation_is_the_managers_own(line: str) -> None:
    assert image_steps.read(f"FROM node:20\n{CLONE}RUN {line}\n").install == []


def test_yarn_of_today_is_told_otherwise_to_run_no_scripts() -> None:
    found = image_steps.read(f"FROM node:20\nRUN yarn set version 4.12.0\n{CLONE}RUN A=1 yarn install\n")
    assert found.install == [["env", "A=1", "yarn", "install", "--mode=skip-build"]]


def test_the_folder_of_the_command_is_the_profiles() -> None:
    found = importing.convert(upstream(test_cmd="cd packages && cd a/ && npx vitest run")).value
    assert found is not None
    assert found["test"]["folder"] == "packages/a"
    assert all(glob.startswith("packages/a/") for glob in [*found["test"]["globs"], *found["source_globs"]])


def test_quotes_hide_operators() -> None:
    assert [piece.text for piece in shell.pieces("""a 'b && c' "d; e" 2>&1 && f \\; || true""")] == [
        """a 'b && c' "d; e" 2>&1""",
        "f \\;",
        "true",
    ]
