"""
Package managers: how each is fetched, writes a lockfile and installs what the lockfile says.

No lifecycle script runs unless a profile's own `install` steps ask for it. Sources: the managers' documentation, for
the versions named in `configs/repos/` and the tests.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from tracesmith import proxies
from tracesmith.environments.profiles import Profile

FOLDER = "/tmp/package-manager"  # noqa: S108 - a path inside the sandbox
CACHE = "/tmp/home/.cache"  # noqa: S108 - a path inside the sandbox


@dataclass(frozen=True)
class PackageManager:
    """One manager; the commands run in the tree, with the network."""

    package: str
    """npm package that carries it."""
    lockfiles: tuple[str, ...]
    """Names of its lockfile; the first is the one it writes."""
    lock: list[str]
    """Writes the lockfile of a tree that has none."""
    install: list[str]
    """Installs what the lockfile says."""
    manifests: tuple[str, ...] = ()
    """Further files, besides package.json and lockfile, that decide what is installed; names or globs."""
    environment: dict[str, str] = field(default_factory=dict)

    def setup(self, version: str) -> list[str]:
        """Return the command that fetches a version of it into FOLDER."""
        wanted = f"{self.package}@{version}"
        return ["npm", "install", "--global", "--prefix", FOLDER, "--no-audit", "--no-fund", wanted]


NPM = PackageManager(
    package="npm",
    lockfiles=("package-lock.json", "npm-shrinkwrap.json"),
    lock=["npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"],
    # Not `npm ci`: it refuses lockfiles with packages of other platforms that the registry lacks.
    install=["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"],
    manifests=(".npmrc",),
)
PNPM = PackageManager(
    package="pnpm",
    lockfiles=("pnpm-lock.yaml",),
    lock=["pnpm", "install", "--lockfile-only", "--ignore-scripts"],
    install=["pnpm", "install", "--frozen-lockfile", "--ignore-scripts"],
    manifests=(".npmrc", "pnpm-workspace.yaml", ".pnpmfile.cjs", "patches/*"),
    # Its store must not land in the tree; and it must not fetch the version that package.json names.
    environment={"npm_config_store_dir": f"{CACHE}/pnpm", "npm_config_manage_package_manager_versions": "false"},
)
YARN_CLASSIC = PackageManager(
    package="yarn",
    lockfiles=("yarn.lock",),
    lock=["yarn", "install", "--ignore-scripts", "--ignore-engines", "--non-interactive"],
    install=["yarn", "install", "--frozen-lockfile", "--ignore-scripts", "--ignore-engines", "--non-interactive"],
    manifests=(".npmrc", ".yarnrc"),
    environment={"YARN_CACHE_FOLDER": f"{CACHE}/yarn", "YARN_IGNORE_PATH": "1"},
)
YARN_BERRY = PackageManager(
    package="@yarnpkg/cli-dist",
    lockfiles=("yarn.lock",),
    lock=["yarn", "install", "--mode=update-lockfile"],
    install=["yarn", "install", "--immutable", "--mode=skip-build"],
    manifests=(".yarnrc.yml", ".yarn/patches/*", ".yarn/plugins/**"),
    # The runners' binaries are called by their path: plug'n'play has none.
    environment={
        "YARN_NODE_LINKER": "node-modules",
        "YARN_ENABLE_TELEMETRY": "0",
        "YARN_ENABLE_GLOBAL_CACHE": "true",
        "YARN_GLOBAL_FOLDER": f"{CACHE}/yarn",
        "YARN_IGNORE_PATH": "1",
        "YARN_ENABLE_IMMUTABLE_INSTALLS": "false",
    },
)
BUN = PackageManager(
    package="bun",
    lockfiles=("bun.lock", "bun.lockb"),
    lock=["bun", "install", "--lockfile-only", "--ignore-scripts"],
    install=["bun", "install", "--frozen-lockfile", "--ignore-scripts"],
    manifests=(".npmrc", "bunfig.toml"),
    environment={"BUN_INSTALL_CACHE_DIR": f"{CACHE}/bun"},
)


def of(profile: Profile) -> PackageManager:
    """Return the manager of a profile; `yarn` is two, by its major version."""
    name, version = profile.package_manager.name, profile.package_manager.version or ""
    if name == "yarn":
        return YARN_CLASSIC if version.startswith("1.") else YARN_BERRY
    return {"npm": NPM, "pnpm": PNPM, "bun": BUN}[name]


def variables(profile: Profile, network: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an installation: the manager's, those of this process's network, the profile's own."""
    manager = of(profile)
    registry = network.get("npm_config_registry") or network.get("NPM_CONFIG_REGISTRY")
    berry = {"YARN_NPM_REGISTRY_SERVER": registry} if registry and manager is YARN_BERRY else {}
    path = {"PATH": f"{FOLDER}/bin:/opt/node/bin:/usr/local/bin:/usr/bin:/bin"}
    return {**path, **manager.environment, **network, **berry, **profile.environment}


def commands(profile: Profile) -> list[list[str]]:
    """Return what installs and builds a tree that has its lockfile: the profile's own steps, or the manager's."""
    return [*_setup(profile), *(profile.install or [of(profile).install]), *profile.build]


def locking(profile: Profile) -> list[list[str]]:
    """Return what writes the lockfile of a tree that has none."""
    return [*_setup(profile), of(profile).lock]


def _setup(profile: Profile) -> list[list[str]]:
    version = profile.package_manager.version
    return [of(profile).setup(version)] if version else []


# No passwords are among them, but those in a proxy's address.
NETWORK_VARIABLES = (*proxies.VARIABLES, "npm_config_registry", "NPM_CONFIG_REGISTRY")


def network_variables() -> dict[str, str]:
    """Return the variables of this process that an installation may need to reach a registry."""
    return {name: os.environ[name] for name in NETWORK_VARIABLES if name in os.environ}
