"""Faults of the Docker engine."""

import docker

import daemons
import stages
import workflows
from scenes import Scene

IN_CONTAINERS = ("validate_bugs", "confirm_bugs", "check_workspaces", "run_agent", "evaluate_predictions")


def crash_engine(scene: Scene) -> str:
    """Kill the engine while the run works in containers, and start it again."""
    assert scene.engine
    scene.start()
    moment = scene.wait_for_a_moment(*IN_CONTAINERS)
    daemons.call(stages.ENGINE, "crash", scene.engine)
    code = scene.wait_for_end()
    return f"dockerd at {moment}: {code}"


def check_engine(scene: Scene) -> None:
    """Check that no container and no network of a run is left."""
    host = scene.variables["DOCKER_HOST"]
    assert workflows.owners_of_containers(host) == []
    client = docker.DockerClient(base_url=host)
    networks = {network.name for network in client.networks.list()}
    client.close()
    assert networks <= {"bridge", "host", "none"}, f"networks are left: {networks}"
