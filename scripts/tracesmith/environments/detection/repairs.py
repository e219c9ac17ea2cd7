"""What an attempt's errors say should be tried next: one function a kind of error, from the text alone."""

import re
from collections.abc import Iterator

from tracesmith import suites
from tracesmith.environments.detection import imports, install_repairs, packages, runners
from tracesmith.environments.detection.attempts import NOT_INSTALLED, Result
from tracesmith.environments.detection.cases import Case, Repair
from tracesmith.environments.detection.reading import dependencies
from tracesmith.environments.detection.states import State
from tracesmith.environments.detection.subjects import Subject

MISSING = re.compile(
    r"""(?:Cannot find (?:module|package|dependency)|Could not resolve|Failed to resolve import|Failed to load url|"""
    r"""Failed to resolve entry for package|Preset|Transformer|Module not found: Error: Can't resolve|"""
    r"""Package subpath|"""
    r"""Cannot find type definition file for)\s*['"`]([^'"`\n]+)['"`]"""
)
ENVIRONMENT = re.compile(
    r"(?:[Tt]est environment|MISSING DEPENDENCY\s+Cannot find dependency)\s+['\"]?((?:jest-environment-)?[\w-]+)['\"]?"
    r" (?:cannot|not) ?(?:be )?found"
)


def apply(subject: Subject, state: State, result: Result) -> State:
    """Return the state with all repairs that an attempt's errors ask for; the same state when they ask for none."""
    for repair in install_repairs.REPAIRS if result.outcome == NOT_INSTALLED else RUNNING:
        state = repair(Case(subject, state, result))
    return state


def _modules(case: Case) -> State:
    """Add packages that cannot be found; siblings are built instead."""
    named = MISSING.findall(case.result.text)
    folders = {str(case.subject.tree.package(one).get("name")): one for one in packages.workspaces(case.subject.tree)}
    own = str(case.subject.tree.package(case.subject.folder).get("name"))
    state, added = case.state, []
    for name in dict.fromkeys(imports.package_of(_plain(one)) or "" for one in named):
        if not name:
            continue
        if name == own:
            state = state.vary(f"{name} is loaded by its name: entry points lead to the sources", "entries")
        elif name in folders:
            state = state.vary(f"the sibling {name} has to be built", "build")
        elif name not in state.choices.more and not _is_installed(case, name):
            added.append(name)
    if (
        any("/packages/" in one or one.startswith("../") for one in named)
        and case.subject.folder != "."
        and packages.siblings(case.subject.tree, case.subject.folder)
    ):
        state = state.vary("siblings have to be built", "build")
    return state.choose(f"added {', '.join(added)}", more=(*state.choices.more, *added)) if added else state


def _plain(name: str) -> str:
    """Return a module's name without the folder of the installed packages in which it was sought."""
    return name.rpartition("node_modules/")[2] if "node_modules/" in name else name


def _is_installed(case: Case, name: str) -> bool:
    package = case.subject.tree.package(case.subject.folder)
    return name in dependencies(package, "dependencies") or (
        not case.subject.published and name in dependencies(package, "devDependencies")
    )


def _environment(case: Case) -> State:
    found = [match[1] for match in ENVIRONMENT.finditer(case.result.text)]
    added = tuple(dict.fromkeys(name for name in found if name not in case.state.choices.more))
    return (
        case.state.choose(f"added the environment {', '.join(added)}", more=(*case.state.choices.more, *added))
        if added
        else case.state
    )


def _document(case: Case) -> State:
    if (
        case.says(r"\b(?:document|window|localStorage|HTMLElement|navigator\.\w+|DOMParser) is not defined")
        and case.state.choices.dom is None
    ):
        return case.state.choose("tests ask for a document: jsdom", dom=True)
    return case.state


def _globals(case: Case) -> State:
    if case.says(r"\b(?:describe|it|test|expect|beforeEach|vi) is not defined") and case.state.runner == "vitest":
        return case.state.choose("describe, it and expect are globals", globals=True)
    return case.state


def _matchers(case: Case) -> State:
    if case.says(
        r"Invalid Chai property: (?:toBeInTheDocument|toHaveTextContent|toHave)"
        r"|(?:toBeInTheDocument|toHaveTextContent) is not a function"
    ):
        return case.state.choose("matchers of @testing-library/jest-dom", matchers=True)
    return case.state


def _removed_api(case: Case) -> State:
    """Take an older runner where tests call what the newest one has no more, and package.json names none."""
    named = case.state.runner in dependencies(case.subject.tree.package(case.subject.folder))
    if (
        not named
        and case.says(r"TypeError: (?:expect\([^)]*\)[\w.]*|jest|vi)\.\w+ is not a function")
        and case.state.choices.older < 2
    ):
        return case.state.choose(
            "an older runner: tests call what the newest has no more", older=case.state.choices.older + 1
        )
    return case.state


def _old_vitest(case: Case) -> State:
    """Take a vitest whose options and report are known in the place of an older one."""
    if case.state.runner == "vitest" and case.says(r"Unknown option `--\w"):
        state = case.state.vary("install a newer vitest, the repository's own knows too few options", "newer_vitest")
        return state.vary("install: the lockfile may be changed", "unfrozen")
    return case.state


def _modules_as_esm(case: Case) -> State:
    if case.state.runner == "jest" and case.says(
        r"Cannot use import statement outside a module|Unexpected token 'export'|Must use import to load ES Module"
    ):
        return case.state.choose("installed ES modules are translated for jest", all_esm=True)
    return case.state


def _vm_modules(case: Case) -> State:
    if case.says(r"experimental-vm-modules"):
        return case.state.variable("jest with ES modules", "NODE_OPTIONS", "--experimental-vm-modules")
    return case.state


def _heap(case: Case) -> State:
    if case.says(r"JavaScript heap out of memory"):
        return case.state.variable("more memory for node", "NODE_OPTIONS", "--max-old-space-size=4096")
    return case.state


def _config(case: Case) -> State:
    if (
        case.says(
            r"failed to load config|Startup Error|Failed to parse (?:the TypeScript )?config"
            r"|Configuration (?:file )?error|Validation Error"
            r"|ERR_LOAD_CONFIG|could not load config"
        )
        and case.subject.published
    ):
        return case.state.choose("the runner's configuration does not load: a small one instead", own_config=False)
    return case.state


def _binary(case: Case) -> State:
    if case.says(
        r"node_modules/\.bin/[\w.-]+'?:? ?(?:No such file|not found)"
        r"|(?:env|execvp|exec)[^\n]*\.bin/[^\n]*(?:No such file|not found)"
    ):
        if case.subject.folder != ".":
            return case.state.vary("the runner's program stands in the other node_modules", "other_bin")
        if case.state.runner not in case.state.choices.more:
            return case.state.choose(f"added {case.state.runner}", more=(*case.state.choices.more, case.state.runner))
    return case.state


def _typescript(case: Case) -> State:
    if case.state.runner in ("node_test", "mocha") and case.says(
        r"ERR_UNKNOWN_FILE_EXTENSION|ERR_UNSUPPORTED_TYPESCRIPT|ERR_INVALID_TYPESCRIPT|Unknown file extension"
        r"|ERR_MODULE_NOT_FOUND"
    ):
        return case.state.vary("node reads TypeScript by tsx", "tsx").choose(
            "added tsx", more=tuple(dict.fromkeys((*case.state.choices.more, "tsx")))
        )
    return case.state


def _lost_files(case: Case) -> State:
    """Take out tests of a published package that read files which were not published."""
    if not case.subject.published:
        return case.state
    broken = set(case.result.broken)
    lost = [path for path in _files_that_miss(case) if path not in case.state.removed]
    whole = {path for path in lost if path in broken or not case.result.files.get(path)}
    if not whole or 2 * len({*whole, *case.state.removed}) > len(case.result.files) + len(broken):
        return case.state
    return case.state.change(
        f"without {', '.join(sorted(whole))}: files that are not published",
        removed=(*case.state.removed, *sorted(whole)),
    )


def _files_that_miss(case: Case) -> Iterator[str]:
    tests = {*case.result.broken, *case.result.files}
    for path in sorted(tests):
        name = re.escape(path.rpartition("/")[2])
        # The runner names the file, and within the next lines the path that is missing.
        if re.search(
            rf"{name}[^\n]*\n(?:[^\n]*\n){{0,4}}?[^\n]*"
            r"(?:ENOENT|(?:Cannot find module|Failed to resolve import|Does the file exist)[^\n]*['\"]\.)",
            case.result.text,
        ):
            yield path


RUNNING: tuple[Repair, ...] = (
    _binary,
    _modules,
    _environment,
    _document,
    _globals,
    _matchers,
    _removed_api,
    _old_vitest,
    _modules_as_esm,
    _vm_modules,
    _heap,
    _config,
    _typescript,
    install_repairs.install_scripts,
    _lost_files,
)


def fallbacks(subject: Subject, state: State, result: Result) -> Iterator[State]:
    """Yield what may be tried without an error that asks for it, the likeliest first."""
    if result.outcome == NOT_INSTALLED:
        yield from _other_installations(subject, state)
        return
    if subject.published and state.choices.own_config and runners.config_file(subject.tree, ".", state.runner):
        yield state.choose("a small configuration of the runner instead of the published one", own_config=False)
    if packages.siblings(subject.tree, subject.folder):
        yield state.vary("siblings are built", "build")
    if not subject.published:
        yield state.vary("entry points lead to the sources", "entries")
    failing = {*result.broken, *(path for path in map(suites.test_file, result.failed) if not result.files.get(path))}
    if result.passed and failing and 2 * len(failing) < len(result.files):
        removed = tuple(sorted({*state.removed, *failing}))
        yield state.change(f"without {', '.join(sorted(failing))}, of which no test passes here", removed=removed)
    if subject.published:
        yield state.choose("all declared dev dependencies", everything=True)
        yield state.choose("the runner of today", newest=True)
    for found in subject.runners:
        if found.name != state.runner:
            yield State(found.name, before=state.before, steps=(f"another runner, {found.name}",))


def _other_installations(subject: Subject, state: State) -> Iterator[State]:
    if subject.published:
        yield state.choose("install the packages of today", newest=True)
    else:
        yield state.vary("install: the lockfile may be changed", "unfrozen")
        yield state.vary("install with install scripts", "scripts")
