"""
Packages that misbehave: a bug whose tests take all memory, fork or print without end, or leave processes behind.

The run has to end by itself, with the right verdict on that bug, and with the row of the tame one beside it.
"""

import json
from dataclasses import dataclass

import pair
import workflows
from scenes import Scene

SOURCE = "src/intervals.ts"
PLACE = "  if (interval.end <= interval.start) {\n"
TAME = ("  return one.start < other.end && other.start < one.end;\n", "  return one.start < other.end;\n")
LIMITS = ("killed", "out_of_memory")
RUN = 'process.getBuiltinModule("node:child_process").spawnSync("sh", ["-c", {line}], {{ stdio: "ignore" }})'


@dataclass(frozen=True)
class Hostile:
    """What the tests of a bug do, and what has to become of it."""

    code: str
    verdicts: tuple[str, ...]
    """Which limit is passed first may depend on the machine, never that one is."""
    rows: int = 1


HOSTILES = {
    "all memory": Hostile("const kept = []; for (;;) kept.push(Buffer.alloc(2 ** 24, 1));", ("out_of_memory",)),
    "fork bomb": Hostile(RUN.format(line='"b() { b | b & }; b; sleep 3"') + "; return -1;", LIMITS),
    "endless output": Hostile(
        'for (;;) try { process.getBuiltinModule("node:fs").writeSync(2, "x".repeat(65535) + "\\n"); } catch {}',
        LIMITS,
    ),
    "SIGTERM ignored": Hostile('process.on("SIGTERM", () => {}); for (;;) {}', ("timed_out",)),
    "children left": Hostile(
        RUN.format(line="\"setsid sleep 3000 & setsid sh -c 'trap : TERM HUP; sleep 3001' & true\"") + "; return -1;",
        ("valid",),
        rows=2,
    ),
}


def live_with(scene: Scene, name: str) -> str:
    """Run the line over two bugs, one of which misbehaves."""
    hostile = HOSTILES[name]
    pulls = [_pull(1, PLACE, f"  {hostile.code}\n{PLACE}"), _pull(2, *TAME)]
    (scene.folder / "pulls.json").write_text(json.dumps(pulls))
    config = workflows.read_config(scene.folder)
    config["repos"]["pair"]["bug_generation"] = {"method": "pr", "pulls": "pulls.json", "screens": []}
    workflows.write_config(scene.folder, config)
    scene.start()
    code = scene.wait_for_end()
    assert code == 0, scene.said()
    report = json.loads((scene.folder / f"logs/run_validation/{pair.REPO}/report.json").read_text())
    verdicts = {row["instance_id"].split(".")[-1].split("__")[0]: row["verdict"] for row in report["instances"]}
    assert verdicts["pr_1"] in hostile.verdicts, verdicts
    assert verdicts["pr_2"] == "valid", verdicts
    rows = (scene.folder / scene.line.rows).read_text().splitlines()
    assert len(rows) == hostile.rows, f"{len(rows)} rows"
    return f"{name}: {verdicts['pr_1']}"


def check(scene: Scene) -> None:
    """Check that nothing is left of the run, and nothing to be done."""
    again = workflows.snakemake(scene.folder, scene.line.rows)
    assert "Nothing to be done" in again.stdout, again.stdout
    workflows.check_clean(scene.folder)


def _pull(number: int, pristine: str, buggy: str) -> dict[str, object]:
    """Return the pull request that put a line in the place of others."""
    text = (pair.SOURCE / SOURCE).read_text()
    place = text[: text.index(pristine)].count("\n") + 1
    removed = "".join(f"-{line}\n" for line in buggy.splitlines())
    head = f"@@ -{place},{buggy.count(chr(10))} +{place} @@"
    diff = f"--- a/{SOURCE}\n+++ b/{SOURCE}\n{head}\n{removed}+{pristine}"
    return {"number": number, "title": f"Repair {number}", "body": "", "diff": diff}
