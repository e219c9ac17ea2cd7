"""
Package managers: how each is fetched, writes a lockfile and installs what the lockfile says.

No lifecycle script runs unless a profile's own `install` steps ask for it. Sources: the managers' documentation, for
the versions named in `configs/repos/` and the tests.
"""

import os
from dataclasses import dataclass, field

from tracesmith import proxies
from tracesmith.environments.profiles import Profile

FOLDER = "/tmp/package-manager"  # noqa: S108 - a path inside the sandbox
CACHE = "/tmp/home/.cache"  # noqa: S108 - a path inside the sandbox
PATH = f"{FOLDER}/bin:/opt/node/bin:/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class PackageManager:
    """One manager; the commands run in the tree, with the network."""

    package: str
    """npm package that carries it."""
    lockfiles: tuple[str, ...]
    """Names of its lockfile; the first is the one it writes."""
    lock: list[str]
    """Writes the lockfile of a tree that has none."""
    start: list[str]
    """Begins every installation."""
    silent: list[str]
    """Says that no lifecycle script runs."""
    loud: list[str] = field(default_factory=list)
    """Says that all of them run."""
    frozen: list[str] = field(default_factory=list)
    """Says that the lockfile stays as it is."""
    thawed: list[str] = field(default_factory=list)
    """Says that it may change."""
    rest: list[str] = field(default_factory=list)
    """Ends every installation."""
    manifests: tuple[str, ...] = ()
    """Further files, besides package.json and lockfile, that decide what is installed; names or globs."""
    environment: dict[str, str] = field(default_factory=dict)
    setup_flags: tuple[str, ...] = ("--ignore-scripts",)
    line: str = ""
    """Shell line before a command; for what depends on the network's variables, which no image may keep."""

    def install(self, *, scripts: bool = False, frozen: bool = True) -> list[str]:
        """Return the command that installs what the lockfile says; without `frozen` the lockfile may change."""
        lock, lifecycle = self.frozen if frozen else self.thawed, self.loud if scripts else self.silent
        return [*self.start, *lock, *lifecycle, *self.rest]

    def setup(self, version: str) -> list[str]:
        """Return the command that fetches a version of it into FOLDER."""
        wanted = f"{self.package}@{version}"
        return ["npm", "install", "--global", "--prefix", FOLDER, "--no-audit", "--no-fund", *self.setup_flags, wanted]


NPM = PackageManager(
    package="npm",
    lockfiles=("package-lock.json", "npm-shrinkwrap.json"),
    lock=["npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"],
    # Not `npm ci`: it refuses lockfiles with packages of other platforms that the registry lacks.
    start=["npm", "install"],
    silent=["--ignore-scripts"],
    rest=["--no-audit", "--no-fund"],
    # Many repositories turn their lockfile off in .npmrc. A lockfile of ours, and npm's list of what is installed, must
    # not name the registry of the machine at hand.
    environment={"npm_config_package_lock": "true", "npm_config_omit_lockfile_registry_resolved": "true"},
)
PNPM = PackageManager(
    package="pnpm",
    lockfiles=("pnpm-lock.yaml",),
    lock=["pnpm", "install", "--lockfile-only", "--ignore-scripts"],
    start=["pnpm", "install"],
    silent=["--ignore-scripts"],
    loud=["--dangerously-allow-all-builds"],
    frozen=["--frozen-lockfile"],
    thawed=["--no-frozen-lockfile"],
    manifests=("pnpm-workspace.yaml", ".pnpmfile.cjs", ".pnpmfile.mjs"),
    # Its store must not land in the tree; and it must not fetch the version that package.json names.
    environment={
        "npm_config_store_dir": f"{CACHE}/pnpm",
        "npm_config_manage_package_manager_versions": "false",
        "npm_config_package_manager_strict": "false",
        "npm_config_lockfile": "true",
    },
)
YARN_CLASSIC = PackageManager(
    package="yarn",
    lockfiles=("yarn.lock",),
    lock=["yarn", "install", "--ignore-scripts", "--ignore-engines", "--non-interactive"],
    start=["yarn", "install"],
    silent=["--ignore-scripts"],
    frozen=["--frozen-lockfile"],
    rest=["--ignore-engines", "--non-interactive"],
    manifests=(".yarnrc",),
    environment={"YARN_CACHE_FOLDER": f"{CACHE}/yarn", "YARN_IGNORE_PATH": "1", "SKIP_YARN_COREPACK_CHECK": "1"},
)
# Yarn from version 2 on reads variables of its own only.
BERRY_LINE = """
registry=${npm_config_registry:-$NPM_CONFIG_REGISTRY} http=${http_proxy:-$HTTP_PROXY} https=${https_proxy:-$HTTPS_PROXY}
host=${registry#http://}; host=${host%%[:/]*}
[ -z "$registry" ] || export YARN_NPM_REGISTRY_SERVER="${registry%/}"
[ "$registry" = "${registry#http://}" ] || export YARN_UNSAFE_HTTP_WHITELIST="$host"
[ -z "$http" ] || export YARN_HTTP_PROXY="$http"
[ -z "$https" ] || export YARN_HTTPS_PROXY="$https"
exec "$@"
"""
YARN_BERRY = PackageManager(
    package="@yarnpkg/cli-dist",
    lockfiles=("yarn.lock",),
    lock=["yarn", "install", "--mode=update-lockfile"],
    start=["yarn", "install"],
    silent=["--mode=skip-build"],
    frozen=["--immutable"],
    thawed=["--no-immutable"],
    manifests=(".yarnrc.yml", ".yarn/patches/**", ".yarn/plugins/**"),
    # The runners' binaries are called by their path: plug'n'play has none.
    environment={
        "YARN_NODE_LINKER": "node-modules",
        "YARN_ENABLE_TELEMETRY": "0",
        "YARN_ENABLE_GLOBAL_CACHE": "true",
        "YARN_GLOBAL_FOLDER": f"{CACHE}/yarn",
        "YARN_IGNORE_PATH": "1",
        "YARN_ENABLE_IMMUTABLE_INSTALLS": "false",
    },
    line=BERRY_LINE,
)
BUN = PackageManager(
    package="bun",
    lockfiles=("bun.lock", "bun.lockb"),
    lock=["bun", "install", "--lockfile-only", "--ignore-scripts"],
    start=["bun", "install"],
    silent=["--ignore-scripts"],
    frozen=["--frozen-lockfile"],
    manifests=("bunfig.toml",),
    environment={"BUN_INSTALL_CACHE_DIR": f"{CACHE}/bun"},
    setup_flags=("--foreground-scripts",),  # its binary is put in place by a script
)
# Patches and tarballs that a package.json may name, wherever they stand.
MANIFESTS = ("**/package.json", ".npmrc", "patches/**", "**/*.patch", "**/*.tgz", "**/*.tar.gz")

# No passwords are among them, but those in a proxy's address.
NETWORK_VARIABLES = (*proxies.NAMES, "npm_config_registry")


def of(profile: Profile) -> PackageManager:
    """Return the manager of a profile; `yarn` is two, by its major version."""
    return named(profile.package_manager.name, profile.package_manager.version)


def named(name: str, version: str | None) -> PackageManager:
    """Return a manager by its name and version."""
    if name == "yarn":
        return YARN_CLASSIC if (version or "").startswith(("0.", "1.")) else YARN_BERRY
    return {"npm": NPM, "pnpm": PNPM, "bun": BUN}[name]


def variables(profile: Profile) -> dict[str, str]:
    """Return the variables of an installation that are the same everywhere: the manager's and the profile's own."""
    return {"PATH": PATH, **of(profile).environment, **profile.environment}


def network_variables() -> dict[str, str]:
    """Return what an installation may need of this process's variables to reach a registry; both cases of each."""
    names = [name for key in NETWORK_VARIABLES for name in (key, key.upper())]
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def setup(profile: Profile) -> list[list[str]]:
    """Return what fetches the manager itself; nothing for the npm that comes with Node."""
    version = profile.package_manager.version
    return [of(profile).setup(version)] if version else []


def locking(profile: Profile) -> list[list[str]]:
    """Return what writes the lockfile of a tree that has none."""
    return [_line(profile, of(profile).lock)]


def installing(profile: Profile) -> list[list[str]]:
    """Return what installs the packages of a tree that has its lockfile: the profile's own steps, or the manager's."""
    return [_line(profile, command) for command in profile.install or [of(profile).install()]]


def shell_start(profile: Profile) -> str:
    """Return what stands before a command of ours in messages, and says nothing to their reader."""
    return f"sh -c {of(profile).line} sh "


def _line(profile: Profile, command: list[str]) -> list[str]:
    line = of(profile).line
    return ["sh", "-c", line, "sh", *command] if line else command
