"""
Print SWE-smith's registered TypeScript profiles as JSON: a program for the interpreter that has swesmith.

It imports nothing of ours. Without the network, and without what swebench's `__init__` pulls in (datasets, modal): the
registry needs its constants only.
"""

import contextlib
import importlib.util
import inspect
import json
import sys
from importlib import metadata
from types import ModuleType


def main() -> None:
    """Print {version, profiles: [...]}."""
    _places("swesmith")
    for name in ("swebench", "swebench.harness"):
        _hide_init(name)
    with contextlib.redirect_stdout(sys.stderr):  # an import may have something to say
        from swesmith.profiles import registry, typescript  # noqa: PLC0415 - once the packages are in their places

    classes = {each for each in registry.data.values() if issubclass(each, typescript.TypeScriptProfile)}
    profiles = [_describe(each) for each in sorted(classes, key=lambda found: str(found.__name__))]
    json.dump({"version": metadata.version("swesmith"), "profiles": profiles}, sys.stdout)


def _describe(profile_class: type) -> dict[str, object]:
    profile = profile_class()
    fields = {key: getattr(profile, key) for key in ("owner", "repo", "commit", "test_cmd", "exts", "dockerfile")}
    return {"name": profile_class.__name__, "parser": inspect.getsource(profile.log_parser), **fields}


def _hide_init(name: str) -> None:
    """Put a package into its place without running its `__init__`."""
    package = ModuleType(name)
    package.__path__ = _places(name)
    sys.modules[name] = package


def _places(name: str) -> list[str]:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return list(spec.submodule_search_locations)


if __name__ == "__main__":
    main()
