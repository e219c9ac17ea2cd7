"""A tree that a profile is made for, and what its files say beside the plan."""

from dataclasses import dataclass
from functools import cached_property

from tracesmith.environments import managers, trees
from tracesmith.environments.detection import built, packages, runners, test_files
from tracesmith.environments.detection.reading import Tree
from tracesmith.environments.detection.runners import Found
from tracesmith.errors import InputError
from tracesmith.runners import RUNNERS

MANAGERS = (managers.NPM, managers.PNPM, managers.YARN_CLASSIC, managers.BUN)
LOCKFILES = frozenset(name for manager in MANAGERS for name in manager.lockfiles)


@dataclass(frozen=True)
class Subject:
    """A tree, as its source gives it."""

    pristine: Tree
    source: str
    wanted: str | None
    """Folder or name of the package to test; None lets it be chosen."""
    own_node: int
    """Major version of the sandbox's Node."""

    @property
    def published(self) -> bool:
        """Whether it is a package as npm publishes it, which leaves things out."""
        return self.source.startswith("npm:")

    @cached_property
    def outputs(self) -> list[str]:
        """The build output that is there; a repository with a lockfile has none that is not its own business."""
        return [] if LOCKFILES & self.pristine.known else built.outputs(self.pristine)

    @cached_property
    def strays(self) -> list[str]:
        """What no source may hold: links that lead out, and pointers of Git LFS."""
        return [*trees.stray_links(self.pristine.root), *trees.pointers(self.pristine.root)]

    @cached_property
    def tree(self) -> Tree:
        """The tree without these."""
        return Tree(self.pristine.root, [*self.outputs, *self.strays])

    @cached_property
    def choice(self) -> tuple[str, str]:
        """The folder of the package that is tested, and why it is this one."""
        return packages.choose(self.tree, self.wanted)

    @property
    def folder(self) -> str:
        """The folder of the package that is tested."""
        return self.choice[0]

    @cached_property
    def tests(self) -> dict[str, str]:
        """The test files of the package, without those of packages below it, each with its runner."""
        below = [f"{other}/" for other in packages.workspaces(self.tree) if other not in (self.folder, ".")]
        if self.folder != ".":
            below = [one for one in below if one.startswith(f"{self.folder}/")]
        found = test_files.find(self.tree, self.folder)
        return {path: runner for path, runner in found.items() if not path.startswith(tuple(below))}

    @cached_property
    def runners(self) -> list[Found]:
        """The runners that the tests may be for, the likeliest first. Raises InputError when there is none."""
        found = [one for one in runners.rank(self.tree, self.folder, self.tests) if one.tests]
        if not found:
            written = ", ".join(sorted({runner for runner in self.tests.values() if runner != "globals"}))
            raise InputError(
                f"{len(self.tests)} test files were found, written for {written or 'no runner that is known'}; "
                f"the runners that can be read are {', '.join(RUNNERS)}"
            )
        return found
