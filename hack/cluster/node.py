"""The cluster without Docker: control plane and one node in namespaces of their own, on this machine.

What kind does with a container, this does with `unshare`: processes, mounts, network and host name of the node are
apart, so that a stop is the end of one process, and nothing of it stays. The machine reaches the API, pods and
services over a cable (a veth pair) with addresses of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from cluster import control_plane, debian, policies
from cluster.control_plane import PODS, SERVICE_OF_DNS, SERVICES, Plane
from cluster.pki import Authority
from cluster.places import HACK, STATE
from cluster.processes import Record
from cluster.tools import Missing, need

NAME = "kedge-node"
OUTSIDE, INSIDE = "10.230.0.1", "10.230.0.2"
CABLE, CABLE_INSIDE = "kedge-cable", "eth0"
CGROUP = "kedge-test"
PAUSE = "localhost/kedge-pause:1"
CNI = os.environ.get("KEDGE_CNI_BIN") or "/usr/lib/cni"
DEBIAN = {
    "containerd": "containerd",
    "runc": "runc",
    "ip": "iproute2",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ipset": "ipset",
    "unshare": "util-linux",
    f"{CNI}/bridge": "containernetworking-plugins",
}


def check() -> None:
    """Raise Missing, with all that is missing and what to do, when the node can't be made here."""
    debian.check("a node", "install Docker and kind", DEBIAN)


def plane() -> Plane:
    """The control plane of the node."""
    return Plane(STATE, INSIDE, 6443, 2379, 2380)


def is_running() -> bool:
    """Whether the node of this checkout is there."""
    return RECORD.pid is not None


def elsewhere() -> Path | None:
    """The state of another checkout's node that runs on this machine: the two would have the same addresses."""
    record = Record(HOLDER.resolve())
    return record.path.parent if record.path != RECORD.path.resolve() and record.pid is not None else None


def up() -> None:
    """Start the node. Raises Missing when it can't be."""
    check()
    if is_running():
        return
    other = elsewhere()
    if other is not None:
        raise Missing(f"a node runs from {other}, with the same addresses; `make cluster-down` there ends it")
    HOLDER.unlink(missing_ok=True)
    HOLDER.symlink_to(RECORD.path)
    if (STATE / "etcd").exists():
        shutil.rmtree(STATE / "etcd")
    for folder in ("logs", "pki", "containerd", "kubelet", "cni"):
        (STATE / folder).mkdir(parents=True, exist_ok=True)
    for log in (STATE / "logs").glob("*.log"):
        log.unlink()
    specification = STATE / "node.json"
    specification.write_text(json.dumps(_specification(), indent=1), encoding="utf-8")
    _plug(_launch(specification))


def down() -> None:
    """End the node and remove what it left on the machine, and nothing else. Raises Missing when something stays."""
    RECORD.end()
    if elsewhere() is not None:
        return
    if _run("ip", "link", "show", CABLE).returncode == 0:
        _run("ip", "link", "delete", CABLE)
    _remove_cgroups()
    HOLDER.unlink(missing_ok=True)
    remains = left()
    if remains:
        raise Missing(f"of the node there is still on this machine: {', '.join(remains)}")


def left() -> list[str]:
    """What the machine itself has of the node: its end of the cable, cgroups, mounts."""
    cable = [CABLE] if _run("ip", "link", "show", CABLE).returncode == 0 else []
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    return [
        *cable,
        *(str(top) for top in _cgroups() if top.exists()),
        *(place for place in mounts if Path(place).is_relative_to(STATE)),
    ]


def enforces_policies() -> bool:
    """Whether network policies are enforced on the node: kube-router has made its chains of rules."""
    return enter("iptables", "--wait", "--list-rules", policies.LAST).returncode == 0


def enter(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the node. Raises Missing when there is no node."""
    pid = RECORD.pid
    if pid is None:
        raise Missing("there is no node; `make cluster-up` starts one")
    return _run("nsenter", "--target", str(pid), "--mount", "--pid", "--net", "--uts", *command)


# -- the first process ------------------------------------------------------------------------------------------------


RECORD = Record(STATE / "node.pid")
HOLDER = Path("/run/kedge-node.pid")
"""Leads to the record of the one node that this machine has."""


def _launch(specification: Path) -> int:
    log = (STATE / "logs" / "init.log").open("ab")
    command = ["unshare", "--fork", "--kill-child=SIGKILL", "--pid", "--mount-proc", "--mount", "--net", "--uts"]
    outer = subprocess.Popen(
        [*command, sys.executable, str(HACK / "cluster" / "init.py"), str(specification)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while time.monotonic() < until and outer.poll() is None:
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text(encoding="ascii").split()
        if children:
            pid = int(children[0])
            RECORD.write(pid)
            return pid
        time.sleep(0.01)
    raise Missing(f"the node did not start; see {STATE}/logs/init.log")


def _plug(pid: int) -> None:
    """A cable between the machine and the node, with a way to its pods and services."""
    if _run("ip", "link", "show", CABLE).returncode == 0:
        _run("ip", "link", "delete", CABLE)
    _must("ip", "link", "add", CABLE, "type", "veth", "peer", "name", CABLE_INSIDE, "netns", str(pid))
    _must("ip", "addr", "add", f"{OUTSIDE}/30", "dev", CABLE)
    _must("ip", "link", "set", CABLE, "up")
    for network in (SERVICES, PODS):
        _must("ip", "route", "replace", network, "via", INSIDE, "dev", CABLE)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _must(*command: str) -> None:
    done = _run(*command)
    if done.returncode:
        raise Missing(f"{' '.join(command)}: {done.stderr.strip()}")


def _cgroups() -> list[Path]:
    root = Path("/sys/fs/cgroup")
    if (root / "cgroup.controllers").exists():
        return [root / CGROUP]
    return [folder / CGROUP for folder in root.iterdir() if folder.is_dir()]


def _remove_cgroups() -> None:
    for top in _cgroups():
        for folder in sorted(top.rglob("*"), key=lambda path: len(path.parts), reverse=True) if top.exists() else ():
            if folder.is_dir():
                folder.rmdir()
        if top.exists():
            top.rmdir()


# -- what runs in it --------------------------------------------------------------------------------------------------


def _specification() -> dict[str, Any]:
    here = plane()
    authority = here.prepare()
    for top in _cgroups():
        top.mkdir(exist_ok=True)
    programs = {
        "etcd": here.etcd(),
        "kube-apiserver": here.apiserver(),
        "kube-controller-manager": here.controller_manager(authority),
        "kube-scheduler": here.scheduler(authority),
        "containerd": ["containerd", "--config", str(_containerd())],
        "kubelet": _kubelet(here, authority),
        "kube-proxy": _kube_proxy(here, authority),
        "kube-router": _policies(here, authority),
        "coredns": _coredns(here, authority),
    }
    return {
        "name": NAME,
        "link": CABLE_INSIDE,
        "address": f"{INSIDE}/30",
        "gateway": OUTSIDE,
        "logs": str(STATE / "logs"),
        "programs": [{"name": name, "command": command} for name, command in programs.items()],
    }


def _containerd() -> Path:
    (STATE / "cni" / "10-kedge.conflist").write_text(json.dumps(_network(), indent=1), encoding="utf-8")
    path = STATE / "containerd.toml"
    path.write_text(
        f"""version = 2
root = "{STATE}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{CNI}"
conf_dir = "{STATE}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd]
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
""",
        encoding="utf-8",
    )
    return path


def _network() -> dict[str, Any]:
    """Pods on a bridge, each with an address of the node's range."""
    ranges = [[{"subnet": PODS}]]
    ipam = {"type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "/run/cni"}
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True, "ipam": ipam}
    return {
        "cniVersion": "0.4.0",
        "name": "kedge",
        "plugins": [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}],
    }


def _kubelet(here: Plane, authority: Authority) -> list[str]:
    authority.server("kubelet", [NAME, here.address])
    config = authority.kubeconfig(STATE / "kubelet.kubeconfig", here.server, f"system:node:{NAME}", "system:nodes")
    (STATE / "resolv.conf").write_text("", encoding="utf-8")
    settings = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": here.address,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{here.keys}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "clusterDNS": [SERVICE_OF_DNS],
        "clusterDomain": control_plane.DOMAIN,
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "failSwapOn": False,
        "failCgroupV1": False,
        "imageGCHighThresholdPercent": 100,
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        "maxPods": 250,
        "resolvConf": str(STATE / "resolv.conf"),
        "serializeImagePulls": False,
        "registerNode": True,
        "tlsCertFile": f"{here.keys}/kubelet.crt",
        "tlsPrivateKeyFile": f"{here.keys}/kubelet.key",
    }
    path = STATE / "kubelet.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return [
        str(need("kubelet")),
        f"--config={path}",
        f"--kubeconfig={config}",
        f"--hostname-override={NAME}",
        f"--node-ip={here.address}",
        "--root-dir=/var/lib/kubelet",
    ]


def _kube_proxy(here: Plane, authority: Authority) -> list[str]:
    config = authority.kubeconfig(STATE / "kube-proxy.kubeconfig", here.server, "system:kube-proxy")
    settings = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": PODS,
        "clientConnection": {"kubeconfig": str(config)},
        "conntrack": {"maxPerCore": 0, "min": 0},
        "hostnameOverride": NAME,
    }
    path = STATE / "kube-proxy.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return [str(need("kube-proxy")), f"--config={path}"]


def _policies(here: Plane, authority: Authority) -> list[str]:
    """kube-router, for network policies alone, while there are any. It ends where it may read nothing yet."""
    config = authority.kubeconfig(STATE / "kube-router.kubeconfig", here.server, "system:kube-router")
    watch = [str(need("kubectl")), f"--kubeconfig={config}", "get", "networkpolicies", "--all-namespaces"]
    command = [
        str(need("kube-router")),
        "--run-firewall=true",
        "--run-router=false",
        "--run-service-proxy=false",
        "--enable-cni=false",
        f"--kubeconfig={config}",
        f"--hostname-override={NAME}",
        f"--service-cluster-ip-range={SERVICES}",
        "--cache-sync-timeout=2s",
        "--health-port=0",
    ]
    return [sys.executable, str(HACK / "cluster" / "policies.py"), json.dumps(watch), json.dumps(command)]


def _coredns(here: Plane, authority: Authority) -> list[str]:
    """CoreDNS as a process of the node, behind the service that pods ask."""
    config = authority.kubeconfig(STATE / "coredns.kubeconfig", here.server, "system:coredns")
    path = STATE / "Corefile"
    path.write_text(
        f""".:53 {{
    bind {here.address}
    errors
    ready
    kubernetes {control_plane.DOMAIN} in-addr.arpa ip6.arpa {{
        kubeconfig {config}
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 5
    }}
    cache 5
}}
""",
        encoding="utf-8",
    )
    return [str(need("coredns")), "-conf", str(path)]
