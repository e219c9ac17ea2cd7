"""What is known of a published package while its plan is completed, and what repairs may ask for beside it."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from tracesmith.environments.detection import built, imports, needs, runner_files, runners
from tracesmith.environments.detection.reading import TYPESCRIPT, Tree, dependencies, table
from tracesmith.environments.detection.runner_files import Wanted
from tracesmith.environments.detection.subjects import Subject

BABEL = re.compile(r"(^|/)(babel\.config\.[cm]?js(on)?|\.babelrc(\.[cm]?js(on)?)?)$")
KEPT_OPTIONS = (
    *("jsx", "jsxImportSource", "experimentalDecorators", "emitDecoratorMetadata", "useDefineForClassFields"),
    *("paths", "baseUrl", "lib"),
)


@dataclass(frozen=True)
class Choices:
    """What repairs may ask of the completion beside what the files say."""

    more: tuple[str, ...] = ()
    """Further packages."""
    dom: bool | None = None
    globals: bool = False
    matchers: bool | None = None
    own_config: bool = True
    """Whether the runner's configuration of the tree is kept, where it is there."""
    all_esm: bool = False
    everything: bool = False
    """All declared dev dependencies are installed."""
    older: int = 0
    """How many major versions the runner is older than the newest of the day, where package.json names none."""
    newest: bool = False
    """Runner and compiler of today, not of the day of the publication."""


@dataclass(frozen=True)
class Published:
    """A published package, its tests, and what was chosen for it."""

    subject: Subject
    choices: Choices
    runner: str
    tests: list[str]
    versions: dict[str, str] = field(default_factory=dict)
    """What its dev dependencies were pinned to."""

    @property
    def tree(self) -> Tree:
        """The tree without its build output."""
        return self.subject.tree

    @property
    def package(self) -> dict[str, Any]:
        """Its package.json."""
        return self.tree.package(".")

    def pinned(self, versions: dict[str, str]) -> "Published":
        """Return the same with the versions of its dev dependencies."""
        return replace(self, versions=versions)

    def code(self) -> list[str]:
        """Return the files whose imports decide what is needed."""
        return needs.code_of(self.tree, ".", self.tests, [])

    def config(self) -> str | None:
        """Return the runner's configuration of the tree, if it is wanted and all that it imports is there too."""
        found = runners.config_file(self.tree, ".", self.runner)
        if not found or (not self.choices.own_config and found != "package.json"):
            return None
        return None if imports.missing_files(self.tree, found) else found

    def has_own_transform(self) -> bool:
        """Tell whether jest translates by what package.json or the tree says, without ts-jest."""
        declared = dependencies(self.package)
        has_babel = any(BABEL.search(path) for path in self.tree.paths)
        by_babel = has_babel and "@babel/preset-typescript" in declared
        return "ts-jest" not in declared and ("@swc/jest" in declared or by_babel)

    def wants_dom(self) -> bool:
        """Tell whether all tests get a document."""
        return self.choices.dom if self.choices.dom is not None else needs.wants_dom(self.tree, self.tests)

    def wants_matchers(self) -> bool:
        """Tell whether the matchers of @testing-library/jest-dom are loaded."""
        wanted = self.choices.matchers
        return wanted if wanted is not None else needs.wants_matchers(self.tree, self.tests)

    def compiled(self) -> str | None:
        """Return the folder of build output that tests load themselves, where a runner has to have it made."""
        if self.runner not in ("node_test", "mocha") or not any(path.startswith("src/") for path in self.tree.paths):
            return None
        loads = built.dist_imports(self.tree, self.tests, self.subject.outputs)
        folders = [one for one in self.subject.outputs if one in built.FOLDERS]
        return folders[0] if loads and folders else None

    def compiler_options(self) -> dict[str, Any]:
        """Return the options of a generated tsconfig.json, with those that the tree's own gives."""
        code = self.code()
        sources = [path for path in code if TYPESCRIPT.search(path)]
        has_react = "react" in self.versions or "react" in dependencies(self.package)
        found = runner_files.compiler_options(
            self.runner,
            jsx=("react-jsx" if has_react else "react") if any(path.endswith("x") for path in code) else None,
            decorators=any(re.search(r"(?m)^\s*@[A-Z]\w*\(", self.tree.text(path)) for path in sources),
            native_fields=built.has_native_fields(self.subject.pristine, self.subject.outputs),
            js=self.runner == "jest" and any(re.search(r"\.[cm]?jsx?$", path) for path in code),
        )
        own = table(self.tree.json("tsconfig.json"), "compilerOptions")
        return found | {key: own[key] for key in KEPT_OPTIONS if key in own}

    def wanted(self, globs: list[str]) -> Wanted:
        """Return what a generated configuration of the runner has to say."""
        sources = [path for path in self.code() if TYPESCRIPT.search(path)]
        named = (name for path in sources for name in imports.of_text(self.tree.text(path)))
        matchers = "@testing-library/jest-dom/vitest" if self.runner == "vitest" else "@testing-library/jest-dom"
        place = "<rootDir>/" if self.runner == "jest" else "./"
        return Wanted(
            tests=globs,
            dom=self.wants_dom(),
            globals=self.choices.globals or any(self.subject.tests[path] in ("globals", "jest") for path in self.tests),
            setup=[
                *([matchers] if self.wants_matchers() else []),
                *(f"{place}{path}" for path in needs.setup_files(self.tree, ".")),
            ],
            compiler=self.compiler_options(),
            all_esm=self.choices.all_esm,
            esm_imports=any(name.startswith(".") and name.endswith("js") for name in named),
        )
