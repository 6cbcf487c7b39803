"""The manifests for several machines: what can be told without a cluster and without Docker."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from steering.cli.main import parser
from steering.serving.replica_range import parse_range

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
CLUSTER, SERVICE = yaml.safe_load_all((DEPLOY / "kuberay.yaml").read_text("utf-8"))
HEAD = CLUSTER["spec"]["headGroupSpec"]["template"]["spec"]
(WORKERS,) = CLUSTER["spec"]["workerGroupSpecs"]
WORKER = WORKERS["template"]["spec"]
RAY = re.search(r"^ray==(.+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)[1]


def served(script):
    """Return what the page is told in a script of a shell, as the command line reads it."""
    words = shlex.split(script.replace(";", " ; "))
    at = words.index("steering")
    assert words[at - 2 : at] == ["python", "-m"]
    assert words[at - 3] == "exec", "signals have to reach the page"
    return parser().parse_args(words[at + 1 :])


def scripts():
    return {
        "compose": COMPOSE["services"]["head"]["command"][2],
        "kuberay": HEAD["containers"][0]["args"][0],
    }


@pytest.mark.parametrize("name", ["compose", "kuberay"])
def test_the_page_is_started_with_options_that_there_are(name):
    options = served(scripts()[name])
    assert options.address == "auto"
    assert parse_range(options.replicas).most > 1
    assert (options.host, options.port) == ("0.0.0.0", 7860)


@pytest.mark.parametrize("name", ["compose", "kuberay"])
def test_a_shell_can_read_the_scripts(name):
    done = subprocess.run(["sh", "-n", "-c", scripts()[name]], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_two_nodes_have_a_processor_for_every_thread_of_the_replicas():
    nodes = COMPOSE["services"]
    assert nodes.keys() == {"head", "node"}
    threads = int(nodes["head"]["environment"]["OMP_NUM_THREADS"])
    offered = re.findall(r"--num-cpus=(\d+)", str([each["command"] for each in nodes.values()]))
    needed = parse_range(served(scripts()["compose"]).replicas).least * threads
    assert sum(map(int, offered)) >= needed
    assert len(offered) == 2


def test_nobody_without_the_token_reaches_ray():
    for each in COMPOSE["services"].values():
        assert each["environment"]["RAY_AUTH_MODE"] == "token"
        assert each["environment"]["RAY_AUTH_TOKEN"].startswith("${RAY_AUTH_TOKEN:?")
        assert set(each.get("ports", [])) <= {"7860:7860"}
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert CLUSTER["spec"]["authOptions"] == {"mode": "token"}
    assert [each["targetPort"] for each in SERVICE["spec"]["ports"]] == [7860]


def test_what_compose_mounts_and_joins_is_declared():
    for each in COMPOSE["services"].values():
        assert {volume.split(":")[0] for volume in each["volumes"]} <= COMPOSE["volumes"].keys()
        assert set(each["networks"]) <= COMPOSE["networks"].keys()
        assert (DEPLOY / each["build"]["context"] / "Dockerfile").is_file()


def test_the_kinds_are_those_of_kuberay_and_kubernetes():
    assert (CLUSTER["apiVersion"], CLUSTER["kind"]) == ("ray.io/v1", "RayCluster")
    assert (SERVICE["apiVersion"], SERVICE["kind"]) == ("v1", "Service")
    assert CLUSTER["spec"]["rayVersion"] == RAY
    assert CLUSTER["metadata"]["annotations"] == {"ray.io/overwrite-container-cmd": "true"}
    name = CLUSTER["metadata"]["name"]
    assert SERVICE["spec"]["selector"] == {"ray.io/cluster": name, "ray.io/node-type": "head"}


@pytest.mark.parametrize("pod", [HEAD, WORKER], ids=["head", "worker"])
def test_a_pod_mounts_what_it_has_and_starts_ray(pod):
    (container,) = pod["containers"]
    assert container["image"] == HEAD["containers"][0]["image"]
    volumes = {each["name"] for each in pod["volumes"]}
    assert {each["name"] for each in container["volumeMounts"]} == volumes
    assert "$KUBERAY_GEN_RAY_START_CMD" in container["args"][0]
    assert container["resources"]["limits"]["cpu"] == container["env"][0]["value"]


def test_workers_are_as_many_as_replicas_and_may_end_what_they_write():
    count = parse_range(served(scripts()["kuberay"]).replicas)
    assert (WORKERS["minReplicas"], WORKERS["maxReplicas"]) == (count.least, count.most)
    assert WORKER["terminationGracePeriodSeconds"] >= 600
    assert CLUSTER["spec"]["enableInTreeAutoscaling"] is True


def test_the_head_is_ready_before_there_are_replicas():
    """Workers wait for the head, and replicas for workers."""
    probe = HEAD["containers"][0]["readinessProbe"]
    assert probe["httpGet"]["path"] == "/health"


def test_the_image_takes_ray_from_the_package_s_extra():
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    (wanted,) = re.findall(r"sed -n '(.+?)' pyproject.toml", dockerfile)
    command = ["sed", "-n", wanted, "pyproject.toml"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"ray\[serve\]>=[\d.]+\n", found)
    assert COMPOSE["services"]["head"]["build"]["args"] == {"CLUSTER": "1"}
