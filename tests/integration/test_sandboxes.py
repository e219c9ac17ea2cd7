"""What a sandbox promises, the same for every backend: isolation, limits, and nothing left."""

import hashlib
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import boxes
import psutil
import pytest
from boxes import MARKER, leftovers, processes

import workflows
from tracesmith import owners, proxies
from tracesmith.environments import sources
from tracesmith.errors import StoppedError
from tracesmith.sandboxes import base, bubblewrap, docker
from tracesmith.sandboxes.base import ENVIRONMENT, Completed, Limits, Sandbox

Make = Callable[..., boxes.BubblewrapBackend | boxes.DockerBackend]
SMALL = Limits(memory_bytes=300 * 2**20, pids=60, cpus=2, disk_bytes=40 * 2**20, output_bytes=2**20)
STATUS = "grep -E '^(Uid|Gid|CapInh|CapPrm|CapEff|CapAmb|NoNewPrivs):' /proc/self/status"
ALLOCATE = "const all = []; for (let i = 0; i < 200; i++) all.push(Buffer.alloc(16 << 20, 1))"
CONNECT = """
const net = require("node:net"), [port, ...hosts] = process.argv.slice(1);
const attempt = (host) => new Promise((done) => {
  const socket = net.connect({ host, port: Number(port), timeout: 3000 });
  socket.on("connect", () => { socket.destroy(); done("connected"); });
  socket.on("error", (error) => done(error.code));
  socket.on("timeout", () => { socket.destroy(); done("timeout"); });
});
const lookup = new Promise((done) => require("node:dns").lookup("example.org", (error) => done(!error)));
Promise.all(hosts.map(attempt)).then(async (found) => console.log(JSON.stringify([await lookup, ...found])));
"""


def run(box: Sandbox, *argv: str, timeout_s: float = 60, stdin: bytes = b"") -> Completed:
    """Run a command whose processes can be told from all others of the machine."""
    return box.run(argv, timeout_s=timeout_s, stdin=stdin, environment={boxes.MARK: MARKER})


def sh(box: Sandbox, line: str, timeout_s: float = 60) -> Completed:
    """Run a shell line."""
    return run(box, "sh", "-c", line, timeout_s=timeout_s)


@contextmanager
def listener() -> Iterator[int]:
    """Listen at a port of all addresses of this machine."""
    with socket.create_server(("0.0.0.0", 0), backlog=64) as server:  # noqa: S104 - a bridge has an address of its own
        yield int(server.getsockname()[1])


def addresses() -> list[str]:
    """Return the IPv4 addresses of this machine, the loopback one first."""
    found = [one.address for list_ in psutil.net_if_addrs().values() for one in list_ if one.family == socket.AF_INET]
    return sorted(found, key=lambda address: address != "127.0.0.1")


def test_files_last_as_long_as_their_sandbox(make: Make, tree: Path) -> None:
    before = sources.tree_hash(tree), sorted(path.name for path in tree.rglob("*"))
    backend = make()
    with backend.open() as box:
        assert sh(box, "pwd; cat src/__fixtures__/words.txt").text == "/testbed\none two\n"
        assert sh(box, "rm -r src node_modules && echo new >here && echo new >/tmp/there").exit_code == 0
        assert sh(box, "cat here /tmp/there; ls").text == (
            "new\nnew\nhere\npackage.json\ntsconfig.json\nvitest.config.mts\n"
        )
    with backend.open() as box:
        assert sh(box, "cat here /tmp/there || ls src").text.endswith(
            "__fixtures__\nintervals.spec.ts\nintervals.ts\ntext.spec.ts\ntext.ts\n"
        )
    assert (sources.tree_hash(tree), sorted(path.name for path in tree.rglob("*"))) == before


def test_two_sandboxes_do_not_see_each_other(make: Make) -> None:
    backend = make()
    with backend.open() as one, backend.open() as other:
        sh(one, "echo one >who; echo one >/tmp/who")
        assert sh(other, "cat who /tmp/who 2>/dev/null").text == ""


def test_output_and_exit_code_are_the_commands_own(make: Make) -> None:
    with make().open() as box:
        done = sh(box, "echo out; echo err >&2; echo out; exit 3")
        assert (done.text, done.exit_code, done.killed) == ("out\nerr\nout\n", 3, None)
        assert sh(box, "kill -TERM $$").exit_code == 128 + signal.SIGTERM
        assert sh(box, "kill -KILL $$").killed is None
        assert run(box, "printf", "%s|", "two words", "", "$HOME").text == "two words||$HOME|"
        assert run(box, "no-such-program").exit_code == 127


def test_what_was_prepared_runs_as_anything_else(make: Make) -> None:
    with make().open() as box:
        box.prepare()
        done = box.run(["bash", "-c", "cat; echo out; echo err >&2; echo 1 >file; exit 3"], timeout_s=60)
        assert (done.text, done.exit_code, done.killed) == ("out\nerr\n", 3, None)
        box.prepare()
        box.prepare()
        assert box.run(["printf", "%s|", "two  words", "", "$HOME 'x' \"\\\n"], timeout_s=60).output == (
            b"two  words||$HOME 'x' \"\\\n|"
        )
        box.prepare()
        assert box.run(["no-such-program"], timeout_s=60).exit_code == 127
        box.prepare()
        assert box.run(["cat", "file", "-"], timeout_s=60, stdin=b"in").text == "1\nin"
        box.prepare()
        assert box.run(["sh", "-c", "echo $WHAT"], timeout_s=60, environment={"WHAT": "this"}).text == "this\n"
        box.prepare()
        assert box.run(["sleep", "60"], timeout_s=0.5).killed == "timeout"
        box.prepare()
        assert box.run(["sh", "-c", "ls /proc/self/fd | tr '\\n' ' '"], timeout_s=60).text == "0 1 2 3 "
        box.prepare()


@pytest.mark.sandbox
def test_what_waits_for_a_command_and_is_killed_is_replaced(tree: Path) -> None:
    with boxes.make_backend("bubblewrap", str(tree), SMALL).open() as box:
        box.prepare()
        assert isinstance(box, bubblewrap.BubblewrapSandbox) and box._waiting
        os.killpg(box._waiting.process.pid, signal.SIGKILL)
        workflows.wait_for(lambda: not (box._waiting and box._waiting.is_alive()))
        assert box.run(["echo", "out"], timeout_s=60).text == "out\n"
        box.prepare()
        box.stop()
        with pytest.raises(StoppedError):
            box.run(["true"], timeout_s=60)


@pytest.mark.docker
def test_what_a_container_of_this_machine_counts_is_read_from_outside(image: str) -> None:
    with boxes.make_backend("docker", image, SMALL).open() as box:
        assert isinstance(box, docker.DockerSandbox)
        assert sh(box, "true").exit_code == 0
        assert box._group, "the engine runs elsewhere, or its control groups cannot be seen"
        assert box._group.counts() == {"memory": 0, "pids": 0}
        assert run(box, "node", "-e", ALLOCATE).killed == "memory"
        assert box._counted["memory"] > 0


def test_words_of_the_backend_in_the_output_change_nothing(make: Make) -> None:
    with make().open() as box:
        done = sh(box, "echo 'bwrap: setting up uid map: Permission denied'; exit 1")
        assert (done.exit_code, done.killed) == (1, None)


def test_input_and_output_may_be_large_and_binary(make: Make) -> None:
    data = secrets.token_bytes(5 * 2**20)
    with make().open() as box:
        assert run(box, "sha256sum", stdin=data).text.split()[0] == hashlib.sha256(data).hexdigest()
        assert run(box, "cat", stdin=data).output == data
        assert run(box, "true", stdin=data).exit_code == 0
        base.write_file(box, "deep/er/file", data)
        assert base.read_file(box, "deep/er/file") == data
        assert base.read_file(box, "deep/er") is None


def test_environment_is_what_is_given(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secrets.token_hex(12)
    monkeypatch.setenv("ANTHROPIC_API_KEY", secret)
    backend = make()
    with backend.open() as box:
        done = box.run(["env", "-0"], timeout_s=60, environment={"OWN": "a\nb", "TZ": "Asia/Tokyo"})
        found = dict(pair.split("=", 1) for pair in done.text.rstrip("\0").split("\0"))
        assert found == {**ENVIRONMENT, "OWN": "a\nb", "TZ": "Asia/Tokyo", "PWD": "/testbed"}
        seen = sh(box, "sleep 5 & for f in /proc/[0-9]*; do cat $f/environ $f/cmdline 2>/dev/null; done; kill $!")
        assert MARKER in seen.text
        assert secret not in seen.text
        assert sh(box, 'touch "$HOME/here"').exit_code == 0


def set_proxies(monkeypatch: pytest.MonkeyPatch, password: str) -> dict[str, str]:
    """Set all eight proxy variables, to different values."""
    found = {name: f"http://user:{password}@{name}.invalid:7890" for name in proxies.VARIABLES}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def test_proxies_reach_a_sandbox_only_with_the_network(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = set_proxies(monkeypatch, "password")
    for network in (False, True):
        with make(network=network).open() as box:
            done = box.run(["env", "-0"], timeout_s=60, environment={"no_proxy": "given"} if network else {})
            found = dict(pair.split("=", 1) for pair in done.text.rstrip("\0").split("\0"))
            given = {**wanted, "no_proxy": "given"} if network else {}
            assert found == {**ENVIRONMENT, **given, "PWD": "/testbed"}
            assert "password" not in sh(box, "cat /proc/*/cmdline").text


def command_lines() -> str:
    """Return the command lines of all processes of this machine."""
    return "\n".join(" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"]))


def test_the_password_of_a_proxy_is_in_no_argument_and_nothing_that_an_engine_tells(
    make: Make, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = secrets.token_hex(12)
    set_proxies(monkeypatch, password)
    started = int(time.time())
    with make(network=True).open() as box:
        seen: list[str] = []
        watch = threading.Thread(target=lambda: seen.extend(command_lines() for _ in range(20)))
        watch.start()
        assert password in sh(box, "env; sleep 0.5").text
        watch.join()
        if kind == "docker":
            client = docker.connect()
            about = client.api.inspect_container(box.name)
            until = int(time.time()) + 1
            told = [*client.api.events(since=started, until=until, decode=True)]
            assert any(box.name == event["Actor"]["ID"] for event in told)
            seen.append(json.dumps([about, told], default=str))
            client.close()
    assert "sleep" in "".join(seen)
    assert password not in "".join(seen)


def test_no_process_tells_of_the_host(make: Make, kind: str, place: str) -> None:
    with make().open() as box:
        seen = sh(box, "for f in /proc/[0-9]*; do tr '\\0' ' ' <$f/cmdline; echo; done; ls -l /proc/self/fd").text
        assert place not in seen
        assert "tracesmith" not in seen
        assert set(re.findall(r" (\d+) ->", seen)) <= {"0", "1", "2", "3"}  # 3 is what ls reads


def test_commands_have_no_privileges(make: Make) -> None:
    with make().open() as box:
        status = dict(line.split(":\t") for line in sh(box, STATUS).text.splitlines())
        assert status["Uid"] == status["Gid"] == "1000\t1000\t1000\t1000"
        assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
        assert status["NoNewPrivs"] == "1"
        assert sh(box, "unshare -Ur true").exit_code != 0
        assert sh(box, "mount -t tmpfs none /tmp").exit_code != 0


def test_no_network_unless_given(make: Make) -> None:
    with make().open() as box, listener() as port:
        found = json.loads(run(box, "node", "-e", CONNECT, str(port), *addresses()).text)
    assert found[0] is False
    assert "connected" not in found


def test_network_when_given(make: Make) -> None:
    with make(network=True).open() as box, listener() as port:
        found = json.loads(run(box, "node", "-e", CONNECT, str(port), *addresses()).text)
    assert "connected" in found


def test_host_files_are_out_of_reach(make: Make, kind: str, tmp_path: Path) -> None:
    name = f"planted-{secrets.token_hex(8)}"
    (tmp_path / name).write_text("secret")
    engine = os.environ.get("DOCKER_HOST", "").removeprefix("unix://") or "/var/run/docker.sock"
    with make().open() as box:
        assert sh(box, f"find / -name {name} -not -path '/proc/*' 2>/dev/null").text == ""
        assert sh(box, f"cat {tmp_path / name}").exit_code != 0
        for path in (engine, "/var/run/docker.sock", "/run/docker.sock", str(Path.home() / ".ssh")):
            assert run(box, "test", "-e", path).exit_code == 1
        if kind != "docker":
            assert sh(box, "ls -A /root /home").exit_code != 0


def test_only_testbed_and_tmp_can_be_written(make: Make) -> None:
    name = f"written-{secrets.token_hex(8)}"
    folders = ["/", "/usr", "/usr/bin", "/etc", "/dev", "/proc", "/opt", "/bin"]
    with make().open() as box:
        for folder in folders:
            assert sh(box, f"echo x >{folder}/{name}").exit_code != 0, folder
        assert sh(box, "echo x >/etc/passwd").exit_code != 0
        assert sh(box, "node -e 0 >/dev/null && echo x >/tmp/y && echo x >/testbed/y").exit_code == 0
    assert not Path("/usr", name).exists()


def test_shared_memory_is_small(make: Make) -> None:
    with make().open() as box:
        assert "No space left" in sh(box, "head -c 80M /dev/zero >/dev/shm/file").text


def test_nothing_of_a_command_outlives_it(make: Make) -> None:
    line = "setsid sh -c 'while :; do echo x >>/testbed/log; done' >/dev/null 2>&1 & while ! [ -s log ]; do :; done"
    with make().open() as box:
        for _ in range(5):
            assert sh(box, line).exit_code == 0
            assert processes(MARKER) == []
        assert sh(box, "wc -c <log; sleep 0.3; wc -c <log").text.split()[::2] != []
        first, second = sh(box, "wc -c <log; sleep 0.3; wc -c <log").text.split()
        assert first == second


def test_a_command_that_kills_all_it_can_leaves_nothing(make: Make) -> None:
    script = "process.on('SIGTERM', () => 0); try { process.kill(-1, 9) } catch {} setTimeout(() => 0, 60000)"
    with make().open() as box:
        run(box, "node", "-e", script, timeout_s=3)
        assert processes(MARKER) == []
        assert sh(box, "echo on").text == "on\n"


def test_memory_limit(make: Make) -> None:
    with make(SMALL).open() as box:
        done = run(box, "node", "-e", ALLOCATE)
        assert done.killed == "memory"
        assert done.exit_code != 0
        assert sh(box, "echo on").killed is None
        assert sh(box, "exit 1").killed is None


def test_memory_limit_holds_for_all_processes_together(make: Make) -> None:
    one = f"node -e '{ALLOCATE.replace('200', '8')}; setTimeout(() => 0, 5000)' &"
    with make(SMALL).open() as box:
        assert sh(box, f"{one} {one} {one} wait").killed == "memory"
        assert processes(MARKER) == []


@contextmanager
def most_threads() -> Iterator[list[int]]:
    """Count the threads of the machine during the block: at its beginning, and the most that there were."""

    def _count() -> None:
        while not over.wait(0.01):
            found[1] = max(found[1], _threads())

    found = [_threads()] * 2
    over = threading.Event()
    watch = threading.Thread(target=_count)
    watch.start()
    try:
        yield found
    finally:
        over.set()
        watch.join()


def _threads() -> int:
    return int(Path("/proc/loadavg").read_text().split()[3].split("/")[1])


def test_process_limit(make: Make) -> None:
    with make(SMALL).open() as box:
        with most_threads() as found:
            done = sh(box, "bomb() { bomb | bomb & }; bomb; sleep 4; exit 1", timeout_s=20)
        assert done.killed == "pids"
        before, most = found
        assert most < before + 10_000, "the machine would run out of process numbers, 32768 where they are fewest"
        assert processes(MARKER) == []
        done = sh(box, "echo on")
        assert (done.text, done.killed) == ("on\n", None)


def test_cpu_limit(make: Make) -> None:
    busy = "node -e 'const end = Date.now() + 1500; while (Date.now() < end);' &"
    with make(Limits(2**30, 200, 1.0, 2**28)).open() as box:
        done = sh(box, f"{busy} {busy} {busy} wait; times")
        minutes, seconds = re.findall(r"(\d+)m([\d.]+)s", done.text)[-2]
        assert int(minutes) * 60 + float(seconds) < 1.3 * done.seconds


def test_time_limit_ends_all_that_a_command_started(make: Make) -> None:
    deaf = "trap '' TERM; sleep 300; sleep 300"
    line = f'setsid nohup sh -c "{deaf}" >/dev/null 2>&1 & {deaf}'
    with make().open() as box:
        done = sh(box, f"echo begun; {line}", timeout_s=2)
        assert (done.killed, done.exit_code, done.text) == ("timeout", 137, "begun\n")
        assert done.seconds < 100
        assert processes(MARKER) == []
        assert sh(box, "echo on").killed is None


def test_output_limit(make: Make) -> None:
    with make(SMALL).open() as box:
        sh(box, "echo kept >kept")
        done = run(box, "yes", timeout_s=50)
        assert done.killed == "output"
        assert SMALL.output_bytes // 2 < len(done.output) <= SMALL.output_bytes
        assert done.seconds < 50
        assert processes(MARKER) == []
        assert sh(box, "cat kept; echo on").text == "kept\non\n"


def test_disk_limit_of_one_file(make: Make) -> None:
    with make(SMALL).open() as box:
        done = sh(box, "head -c 300M /dev/zero >file; exit 1")
        assert done.killed == "disk"
        assert int(sh(box, "wc -c <file").text) <= SMALL.disk_bytes
        assert sh(box, "sleep 3; echo on").killed is None
        assert sh(box, "rm file; head -c 1M /dev/zero >file").killed is None


@pytest.mark.parametrize(
    "line", ["head -c 1M /dev/zero >f$i", "head -c 1M /dev/zero >f$i; echo $i"], ids=["quiet", "talking"]
)
def test_disk_limit_of_many_files(make: Make, line: str) -> None:
    with make(SMALL).open() as box:
        done = sh(box, f"i=0; while [ $i -lt 20000 ]; do i=$((i+1)); {line}; sleep 0.01; done")
        assert done.killed == "disk"
        assert done.seconds < 100
        assert processes(MARKER) == []


@pytest.mark.sandbox
@pytest.mark.parametrize("kind", ["bubblewrap"])
def test_disk_limit_of_empty_files(make: Make) -> None:
    """An engine tells of bytes alone."""
    script = (
        "const fs = require('fs'); for (let i = 0; i < 15000; i++) fs.mkdirSync('d' + i); setTimeout(() => 0, 20000)"
    )
    with make(SMALL).open() as box:
        assert run(box, "node", "-e", script).killed == "disk"


def test_folders_of_any_depth_are_removed(make: Make) -> None:
    with make().open() as box:
        line = "i=0; while [ $i -lt 1500 ]; do i=$((i+1)); mkdir d && cd d || exit 1; done; chmod 0 ."
        assert sh(box, line).exit_code == 0


def test_stop_from_another_thread(make: Make) -> None:
    backend = make()
    caught: list[BaseException] = []

    def work() -> None:
        try:
            with backend.open() as box:
                box.prepare()
                sh(box, "sleep 300; sleep 300")
        except StoppedError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    workflows.wait_for(lambda: processes(MARKER))
    backend.stop()
    thread.join(60)
    assert not thread.is_alive()
    assert [type(error) for error in caught] == [StoppedError]
    with pytest.raises(StoppedError), backend.open():
        pass


@pytest.mark.docker
@pytest.mark.parametrize("kind", ["docker"])
def test_a_container_that_stop_removed_while_it_was_started_again_is_no_failure(make: Make) -> None:
    """After a command that a limit ended, a container is started anew, in which moment others may stop everything."""
    backend = make()
    with backend.open() as box:
        backend.stop()
        with pytest.raises(StoppedError):
            box.start()


@contextmanager
def holder(kind: str, place: str, marker: str) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds a sandbox with a command in it."""
    command = [sys.executable, boxes.__file__, kind, place, marker]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            workflows.wait_for(lambda: processes(marker))
            yield process
        finally:
            process.kill()


def label_of(pid: int) -> str:
    """Return the label of another process that is alive."""
    host, _, _ = owners.label().split(".")
    return f"{host}.{pid}.{Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]}"


def test_what_a_killed_process_left_is_swept_and_the_rest_is_not(make: Make, kind: str, place: str) -> None:
    dead_marker, live_marker = secrets.token_hex(8), secrets.token_hex(8)
    backend = make()
    with holder(kind, place, live_marker) as live:
        with holder(kind, place, dead_marker) as dead:
            labels = label_of(dead.pid), label_of(live.pid)
            dead.send_signal(signal.SIGKILL)
            dead.wait()
            if kind != "docker":
                workflows.wait_for(lambda: processes(dead_marker) == [])
        backend.sweep()  # or another process of this machine already has
        assert leftovers(kind, labels[0], dead_marker) == []
        assert processes(live_marker) != []
        assert len(leftovers(kind, labels[1], live_marker)) > len(processes(live_marker))
        live.send_signal(signal.SIGKILL)
        live.wait()
        workflows.wait_for(lambda: kind == "docker" or processes(live_marker) == [])
        backend.sweep()
        assert leftovers(kind, labels[1], live_marker) == []


@pytest.mark.sandbox
def test_root_is_not_needed(tree: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    try:
        shutil.copytree(tree, folder / "tree")
        (folder / "scratch").mkdir()
        done = subprocess.run(without_root(folder), capture_output=True, text=True, check=False)
        if "cannot make a sandbox here" in done.stderr:
            pytest.skip(f"missing: sandboxes without root ({done.stderr.strip().splitlines()[-1]})")
        assert (done.stdout, done.returncode) == ("1000\n", 0), done.stderr
        assert list(folder.glob("scratch/tracesmith-*/*")) == []
    finally:
        shutil.rmtree(folder)


def without_root(folder: Path) -> list[str]:
    """
    Return the command that opens a sandbox over FOLDER/tree as another user.

    Python, its packages and ours may be below /root: a mount namespace shows them at places that everyone can reach.
    """
    last = ["bubblewrap", str(folder / "tree"), ""]
    if os.getuid():
        return ["env", f"TMPDIR={folder}/scratch", sys.executable, boxes.__file__, *last]
    python = Path(sys.executable).resolve().relative_to(Path(sys.base_prefix).resolve())
    packages = Path(pytest.__file__).resolve().parents[1].relative_to(Path(sys.prefix).resolve())
    shown = {"base": sys.base_prefix, "venv": sys.prefix, "repository": str(boxes.REPOSITORY)}
    for name in shown:
        (folder / name).mkdir()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 65533, 65533, follow_symlinks=False)
    lines = [f"mount --bind {shlex.quote(path)} {folder}/{name}" for name, path in shown.items()]
    nobody = ["setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups"]
    environment = ["env", f"TMPDIR={folder}/scratch", f"PYTHONPATH={folder}/venv/{packages}"]
    program = [f"{folder}/base/{python}", "-B", f"{folder}/repository/tests/integration/boxes.py"]
    return [
        "unshare",
        "-m",
        "sh",
        "-c",
        " && ".join([*lines, 'exec "$@"']),
        "sh",
        *nobody,
        *environment,
        *program,
        *last,
    ]
